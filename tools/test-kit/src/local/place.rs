//! Where the local run keeps its data, and the ports it takes.

use std::{
    env,
    fs::{self, Permissions},
    io::Write,
    net::TcpListener,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use crate::forms;

/// Where the local run keeps its data, and the ports it takes.
#[derive(Clone, Debug)]
pub struct Place {
    directory: PathBuf,
    first_port: u16,
    passed_on: Vec<(String, String)>,
}

/// All on 127.0.0.1.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub api: u16,
    pub worker: u16,
    pub local_sqs: u16,
    pub postgres: u16,
}

/// What `make submit` needs to know of a running system.
#[derive(Clone, Debug)]
pub struct Written {
    /// Where the api is.
    pub origin: String,
    /// What it wants requests signed with.
    pub secret: String,
    /// Where the rows are.
    pub database_url: String,
}

/// Settings that a developer may want to try here.
const PASSED_ON: [&str; 5] =
    ["RUST_LOG", "FORM_TYPES", "FORM_TYPES_DIR", "INTAKE_AUTH", "HAWK_CLIENTS"];

const WRITTEN: &str = "address";

impl Place {
    /// `.local/` in the current directory; the first of four ports in a row is `LOCAL_PORT`, default 8000;
    /// some settings of the services go on to them.
    ///
    /// # Errors
    /// The directory cannot be made, or the port is none.
    #[expect(
        clippy::disallowed_methods,
        reason = "no service's setting: the developer's own environment"
    )]
    pub fn here() -> Result<Self, String> {
        let directory = env::current_dir().map_err(|error| error.to_string())?.join(".local");
        fs::create_dir_all(&directory)
            .map_err(|error| format!("cannot make {}: {error}", directory.display()))?;
        // What was sent is in there; user postgres has to get through to its own part.
        fs::create_dir_all(directory.join("sqs"))
            .and_then(|()| {
                fs::set_permissions(directory.join("sqs"), Permissions::from_mode(0o700))
            })
            .map_err(|error| format!("cannot make {}: {error}", directory.display()))?;
        let first_port = match env::var("LOCAL_PORT").ok().filter(|port| !port.is_empty()) {
            None => 8000,
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| (1..=65532).contains(port))
                .ok_or("LOCAL_PORT must be a number from 1 to 65532")?,
        };
        let set = |name: &&str| env::var(name).ok().filter(|value| !value.is_empty());
        let passed_on =
            PASSED_ON.iter().filter_map(|name| Some(((*name).to_owned(), set(name)?))).collect();
        Ok(Self { directory, first_port, passed_on })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn passed_on(&self) -> Vec<(String, String)> {
        self.passed_on.clone()
    }

    /// The form types that `FORM_TYPES` names.
    pub(super) fn served(&self) -> Vec<String> {
        let names = self.passed_on.iter().filter(|(name, _)| name == "FORM_TYPES");
        names.flat_map(|(_, types)| types.split(',').map(|name| name.trim().to_owned())).collect()
    }

    pub(super) fn ports(&self) -> Ports {
        let first = self.first_port;
        Ports { api: first, worker: first + 1, local_sqs: first + 2, postgres: first + 3 }
    }

    /// A directory that user postgres may enter, one for each checkout.
    pub(super) fn public_directory(&self) -> PathBuf {
        let name: String = self
            .directory
            .to_string_lossy()
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '-' })
            .collect();
        Path::new("/var/lib/postgresql").join(format!("directory-form-data{name}"))
    }

    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.first_port)
    }

    pub(super) fn check_free(&self, ports: &[u16]) -> Result<(), String> {
        let taken = ports.iter().find(|port| TcpListener::bind(("127.0.0.1", **port)).is_err());
        taken.map_or(Ok(()), |port| {
            if self.read_back().is_ok_and(|written| written.origin == self.origin()) {
                return Err(format!("port {port} is taken, by a `make local` of this directory as it seems"));
            }
            let first = self.first_port;
            Err(format!(
                "port {port} is taken; choose the first of four free ones with `make local LOCAL_PORT={}`",
                first.wrapping_add(1000)
            ))
        })
    }

    pub(super) fn write_down(&self, database_url: &str) -> Result<(), String> {
        let path = self.directory.join(WRITTEN);
        let text = format!("{}\n{}\n{database_url}\n", self.origin(), forms::SECRET);
        let _ = fs::remove_file(&path);
        let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        file.and_then(|mut file| file.write_all(text.as_bytes()))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    /// What the last `make local` wrote down.
    ///
    /// # Errors
    /// There was none.
    pub fn read_back(&self) -> Result<Written, String> {
        let text = fs::read_to_string(self.directory.join(WRITTEN)).unwrap_or_default();
        match text.lines().collect::<Vec<_>>().as_slice() {
            [origin, secret, database_url] => Ok(Written {
                origin: (*origin).to_owned(),
                secret: (*secret).to_owned(),
                database_url: (*database_url).to_owned(),
            }),
            _ => {
                Err("nothing runs here yet: start it with `make local` in another terminal"
                    .to_owned())
            }
        }
    }
}
