//! The programs of PostgreSQL: where they are, and which user runs them.
#![expect(
    clippy::disallowed_methods,
    reason = "not a service's setting: the developer's own environment"
)]

use std::{
    env,
    ffi::OsStr,
    fs,
    os::unix::fs::chown,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use super::PostgresError;

#[derive(Clone, Debug)]
pub(super) struct Programs {
    directory: PathBuf,
    server_user: ServerUser,
}

#[derive(Clone, Debug, PartialEq)]
enum ServerUser {
    /// The user who runs this.
    Same,
    /// User postgres, because we are root.
    Postgres { uid: u32, gid: u32 },
}

impl Programs {
    /// Looks in `POSTGRES_BIN`; if it is not set, in the directory that `pg_config` prints, then
    /// in those of packages, the newest version first, then in `PATH`.
    pub(super) fn find() -> Result<Self, PostgresError> {
        let named = env::var_os("POSTGRES_BIN").map(PathBuf::from);
        let directory = match named {
            Some(directory) => has_server(&directory).then_some(directory),
            None => candidates().into_iter().find(|directory| has_server(directory)),
        };
        Ok(Self {
            directory: directory.ok_or(PostgresError::NotInstalled("postgres"))?,
            server_user: ServerUser::find()?,
        })
    }

    /// A program that runs as the user of the server.
    pub(super) fn as_server_user(&self, program: &str, stop_with_thread: bool) -> Command {
        let program = self.directory.join(program);
        let mut command = match &self.server_user {
            ServerUser::Same if !stop_with_thread => Command::new(program),
            user => {
                // Unlike runuser, setpriv becomes the program: the process that we spawn is the
                // server itself.
                let mut command = Command::new("setpriv");
                if let ServerUser::Postgres { uid, gid } = user {
                    command
                        .arg(format!("--reuid={uid}"))
                        .arg(format!("--regid={gid}"))
                        .arg("--init-groups");
                }
                if stop_with_thread {
                    command.arg("--pdeathsig=INT");
                }
                command.arg("--").arg(program);
                command
            }
        };
        // A directory that user postgres may enter.
        command.current_dir("/");
        command
    }

    /// Makes the user of the server the owner of a path.
    pub(super) fn give(&self, path: &Path) -> Result<(), PostgresError> {
        match self.server_user {
            ServerUser::Same => Ok(()),
            ServerUser::Postgres { uid, gid } => chown(path, Some(uid), Some(gid))
                .map_err(PostgresError::io("change the owner of", path)),
        }
    }

    /// Fails if the user of the server cannot enter this directory. The error names the directory
    /// on the way that is closed.
    pub(super) fn check_enterable(&self, directory: &Path) -> Result<(), PostgresError> {
        let can_enter = |path: &Path| {
            let mut test = self.as_server_user("/usr/bin/test", false);
            test.arg("-x").arg(path).status().is_ok_and(|status| status.success())
        };
        if self.server_user == ServerUser::Same || can_enter(directory) {
            return Ok(());
        }
        let mut ancestors: Vec<&Path> = directory.ancestors().collect();
        // From the root.
        ancestors.reverse();
        let closed = ancestors.into_iter().find(|path| !can_enter(path)).unwrap_or(directory);
        Err(PostgresError::NotEnterable(closed.to_owned()))
    }
}

impl ServerUser {
    fn find() -> Result<Self, PostgresError> {
        if id(&["-u"]) != Some(0) {
            return Ok(Self::Same);
        }
        match (id(&["-u", "postgres"]), id(&["-g", "postgres"])) {
            (Some(uid), Some(gid)) => Ok(Self::Postgres { uid, gid }),
            _ => Err(PostgresError::NoUser),
        }
    }
}

/// psql, which comes with the client, so it may be in another directory than the server.
pub(super) fn psql() -> Command {
    let beside_server = candidates()
        .into_iter()
        .map(|directory| directory.join("psql"))
        .find(|path| path.is_file());
    Command::new(beside_server.unwrap_or_else(|| "psql".into()))
}

/// Runs a program and gives its standard output, or an error with the end of its output.
pub(super) fn run(command: &mut Command, program: &'static str) -> Result<String, PostgresError> {
    let output = command.output().map_err(PostgresError::io("run", program))?;
    let Output { status, stdout, stderr } = output;
    if status.success() {
        Ok(String::from_utf8_lossy(&stdout).into_owned())
    } else {
        let all = [stdout, stderr].concat();
        Err(PostgresError::Failed { program, output: last_lines(&String::from_utf8_lossy(&all)) })
    }
}

/// The end of a log, which says why a program failed.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(8)..).unwrap_or_default().join("\n")
}

fn has_server(directory: &Path) -> bool {
    directory.join("postgres").is_file() && directory.join("initdb").is_file()
}

fn candidates() -> Vec<PathBuf> {
    let mut directories = Vec::new();
    if let Ok(output) = Command::new("pg_config").arg("--bindir").output() {
        directories.push(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    }
    for packages in ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt"] {
        let mut versions: Vec<(u32, PathBuf)> = fs::read_dir(packages)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some((version(&entry.file_name())?, entry.path().join("bin"))))
            .collect();
        versions.sort();
        directories.extend(versions.into_iter().rev().map(|(_, directory)| directory));
    }
    directories.extend(env::var_os("PATH").iter().flat_map(env::split_paths));
    directories
}

/// `15`, or `postgresql@15`.
fn version(name: &OsStr) -> Option<u32> {
    let name = name.to_str()?;
    name.strip_prefix("postgresql@").unwrap_or(name).parse().ok()
}

fn id(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}
