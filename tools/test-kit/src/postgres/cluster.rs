//! A PostgreSQL cluster of our own.

use std::fs::{self, DirBuilder, File, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::PostgresError;
use super::programs::{self, Programs};

const START_LIMIT: Duration = Duration::from_secs(60);

/// Settings of a cluster that nobody will miss.
const THROWAWAY: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("max_connections", "300"),
];

/// A running server with a superuser `postgres`, on 127.0.0.1. Stopped on drop; a throwaway one is removed then too.
///
/// Run by root, the server runs as user postgres, for it refuses to be root. Its password is random, so that other
/// users of the machine do not get in.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    options: ClusterOptions,
    home: Home,
    password: String,
    port: u16,
    server: Option<Child>,
}

/// What a caller may want otherwise.
#[derive(Clone, Debug, Default)]
pub struct ClusterOptions {
    /// Settings of the server, going before our own: `("fsync", "on")` where a test is about durability.
    pub settings: Vec<(String, String)>,
    /// Stops the server when the thread that started it ends, however it ends, `kill -9` included. Linux only.
    pub stop_with_thread: bool,
}

/// How to stop a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Transactions are rolled back and everything is written.
    Fast,
    /// As in a crash: the next start recovers from the log.
    Immediate,
}

#[derive(Debug)]
enum Home {
    Throwaway(TempDir),
    Kept(PathBuf),
}

impl Cluster {
    /// A fresh cluster on a free port, without fsync and with room for 300 connections.
    pub fn throwaway(options: ClusterOptions) -> Result<Self, PostgresError> {
        let home = tempfile::Builder::new()
            .prefix("postgres-")
            .tempdir()
            .map_err(PostgresError::io("make a directory in", std::env::temp_dir()))?;
        let mut cluster = Self::prepare(Home::Throwaway(home), 0, options)?;
        // Between finding a free port and using it somebody else may take it.
        for _ in 0..2 {
            cluster.port = free_port()?;
            if cluster.start().is_ok() {
                return Ok(cluster);
            }
        }
        cluster.port = free_port()?;
        cluster.start()?;
        Ok(cluster)
    }

    /// The cluster kept in this directory, which is made where there is none, with fsync on.
    pub fn open(directory: &Path, port: u16) -> Result<Self, PostgresError> {
        Self::open_with(directory, port, ClusterOptions::default())
    }

    /// As [`Cluster::open`], with options.
    pub fn open_with(
        directory: &Path,
        port: u16,
        options: ClusterOptions,
    ) -> Result<Self, PostgresError> {
        let io = PostgresError::io("make", directory);
        fs::create_dir_all(directory).and_then(|()| directory.canonicalize()).map_err(io).and_then(
            |directory| {
                let mut cluster = Self::prepare(Home::Kept(directory), port, options)?;
                cluster.start()?;
                Ok(cluster)
            },
        )
    }

    /// Starts the server, and waits until it takes connections. One that runs is left alone.
    pub fn start(&mut self) -> Result<(), PostgresError> {
        if self.server.is_some() {
            return Ok(());
        }
        if let Some(pid) = self.foreign_server() {
            return Err(PostgresError::AlreadyRunning { directory: self.data(), pid });
        }
        let log_path = self.home.path().join("server.log");
        let log = File::options()
            .create(true)
            .append(true)
            .open(&log_path)
            .map_err(PostgresError::io("open", &log_path))?;
        let errors = log.try_clone().map_err(PostgresError::io("open", &log_path))?;

        let mut command = self.programs.as_server_user("postgres", self.options.stop_with_thread);
        command.arg("-D").arg(self.data());
        for (name, value) in self.settings() {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        // A process group of its own, so that Ctrl-C reaches us and not the server, which others still use then.
        command.stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0);
        let mut server = command.spawn().map_err(PostgresError::io("run", "postgres"))?;

        let deadline = Instant::now() + START_LIMIT;
        while !self.is_ready(server.id()) {
            let has_ended = !matches!(server.try_wait(), Ok(None));
            if has_ended || Instant::now() > deadline {
                self.end(&mut server, Shutdown::Immediate);
                let log = fs::read_to_string(&log_path).unwrap_or_default();
                return Err(PostgresError::Failed {
                    program: "postgres",
                    output: programs::last_lines(&log),
                });
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.server = Some(server);
        Ok(())
    }

    /// Stops the server and waits for its end. One that does not run is left alone.
    pub fn stop(&mut self, shutdown: Shutdown) {
        if let Some(mut server) = self.server.take() {
            self.end(&mut server, shutdown);
        }
    }

    /// Stops it and starts it on the same port.
    pub fn restart(&mut self, shutdown: Shutdown) -> Result<(), PostgresError> {
        self.stop(shutdown);
        self.start()
    }

    /// The superuser's URL of a database; `postgres` is always there.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    /// Where it listens, on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Child::id)
    }

    /// What the server wrote.
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("server.log")).unwrap_or_default()
    }

    fn prepare(home: Home, port: u16, options: ClusterOptions) -> Result<Self, PostgresError> {
        let programs = Programs::find()?;
        programs.give(home.path())?;
        programs.check_enterable(home.path())?;
        let password_file = home.path().join("password");
        let mut cluster =
            Self { programs, options, home, password: String::new(), port, server: None };
        if cluster.data().join("PG_VERSION").exists() {
            let io = PostgresError::io("read", &password_file);
            cluster.password = fs::read_to_string(&password_file).map_err(io)?;
        } else {
            cluster.password = format!("{:032x}", rand::random::<u128>());
            cluster.init(&password_file)?;
        }
        Ok(cluster)
    }

    fn init(&self, password_file: &Path) -> Result<(), PostgresError> {
        let data = self.data();
        // What an interrupted initdb left is no cluster.
        if data.exists() {
            fs::remove_dir_all(&data).map_err(PostgresError::io("remove", &data))?;
        }
        DirBuilder::new().mode(0o700).create(&data).map_err(PostgresError::io("make", &data))?;
        self.programs.give(&data)?;
        File::create(password_file)
            .and_then(|file| file.set_permissions(Permissions::from_mode(0o600)))
            .and_then(|()| fs::write(password_file, &self.password))
            .map_err(PostgresError::io("write", password_file))?;
        self.programs.give(password_file)?;

        let mut command = self.programs.as_server_user("initdb", false);
        command.args([
            "--username=postgres",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--pwfile",
        ]);
        command.arg(password_file).arg("-D").arg(&data);
        if let Home::Throwaway(_) = self.home {
            command.arg("--no-sync");
        }
        match programs::run(&mut command, "initdb") {
            Ok(_) => Ok(()),
            Err(error) => {
                // PG_VERSION is written first: half a cluster would be taken for one the next time.
                let _ = fs::remove_dir_all(&data);
                Err(error)
            }
        }
    }

    fn settings(&self) -> Vec<(String, String)> {
        let port = self.port.to_string();
        let mut settings: Vec<(&str, &str)> = vec![
            ("listen_addresses", "127.0.0.1"),
            ("port", &port),
            ("unix_socket_directories", ""),
        ];
        if let Home::Throwaway(_) = self.home {
            settings.extend(THROWAWAY);
        }
        let ours = settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        // The server takes the last of two.
        ours.chain(self.options.settings.iter().cloned()).collect()
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// What pg_ctl looks at: the server writes its process id in the first line and its state in the eighth.
    fn is_ready(&self, pid: u32) -> bool {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = file.lines().map(str::trim);
        lines.next() == Some(&pid.to_string()) && lines.nth(6) == Some("ready")
    }

    fn foreign_server(&self) -> Option<u32> {
        let mut status = self.programs.as_server_user("pg_ctl", false);
        programs::run(status.arg("status").arg("-D").arg(self.data()), "pg_ctl").ok()?;
        let file = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok()
    }

    fn end(&self, server: &mut Child, shutdown: Shutdown) {
        let mode = match shutdown {
            Shutdown::Fast => "fast",
            Shutdown::Immediate => "immediate",
        };
        if let Ok(None) = server.try_wait() {
            let mut stop = self.programs.as_server_user("pg_ctl", false);
            let stop = stop
                .args(["stop", "--wait", "--timeout=60", "--mode", mode, "-D"])
                .arg(self.data());
            if programs::run(stop, "pg_ctl").is_err() {
                let _ = server.kill();
            }
        }
        let _ = server.wait();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop(match self.home {
            Home::Throwaway(_) => Shutdown::Immediate,
            Home::Kept(_) => Shutdown::Fast,
        });
    }
}

impl Home {
    fn path(&self) -> &Path {
        match self {
            Self::Throwaway(directory) => directory.path(),
            Self::Kept(directory) => directory,
        }
    }
}

fn free_port() -> Result<u16, PostgresError> {
    let address = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    Ok(address.map_err(PostgresError::io("listen on", "127.0.0.1"))?.port())
}
