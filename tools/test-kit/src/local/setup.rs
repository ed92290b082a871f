//! Where the local run keeps its data, its ports, and the settings it passes on to the services.

use std::{
    env,
    fs::{self, OpenOptions, Permissions},
    io::Write,
    net::TcpListener,
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::forms;

/// Settings of the services that developers may want to try in a local run.
const PASSED_ON: [&str; 5] =
    ["RUST_LOG", "FORM_TYPES", "FORM_TYPES_DIR", "INTAKE_AUTH", "HAWK_CLIENTS"];

/// The file that tells `make submit` about the running system.
const ADDRESS_FILE: &str = "address";
/// The file with the key that encrypts the keys of clients.
const CREDENTIALS_FILE: &str = "credentials-key";

#[derive(Clone, Debug)]
pub struct Setup {
    directory: PathBuf,
    first_port: u16,
    passed_on: Vec<(String, String)>,
    actor: String,
}

/// The ports of the local run, all on 127.0.0.1.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub api: u16,
    pub worker: u16,
    pub local_sqs: u16,
    pub postgres: u16,
    pub reader: u16,
}

/// What `make submit` needs to know about the running system.
#[derive(Clone, Debug)]
pub struct RunningSystem {
    /// The api, as in `http://127.0.0.1:8000`.
    pub origin: String,
    /// The UI secret.
    pub secret: String,
    pub database_url: String,
}

impl Setup {
    /// The setup for the current directory: data in `.local/`, five ports in a row from
    /// `LOCAL_PORT` (default 8000), and some settings from the developer's environment.
    ///
    /// # Errors
    /// The directory cannot be made, or `LOCAL_PORT` is not a usable port.
    #[expect(
        clippy::disallowed_methods,
        reason = "not a service's setting: the developer's own environment"
    )]
    pub fn from_environment() -> anyhow::Result<Self> {
        let directory = env::current_dir()?.join(".local");
        // Other users may pass through `.local` (user postgres has its data there), but not read
        // the queued forms.
        let sqs = directory.join("sqs");
        fs::create_dir_all(&sqs)
            .and_then(|()| fs::set_permissions(&sqs, Permissions::from_mode(0o700)))
            .with_context(|| format!("cannot make {}", sqs.display()))?;
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let first_port = match set("LOCAL_PORT") {
            None => 8000,
            Some(port) => port
                .parse()
                .ok()
                .filter(|port| (1..=65531).contains(port))
                .context("LOCAL_PORT must be a number from 1 to 65531")?,
        };
        let passed_on =
            PASSED_ON.into_iter().filter_map(|name| Some((name.to_owned(), set(name)?))).collect();
        let actor = set("MANAGE_ACTOR").or_else(|| set("USER"));
        let actor = actor.unwrap_or_else(|| "make manage".to_owned());
        Ok(Self { directory, first_port, passed_on, actor })
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(super) fn queue_directory(&self) -> PathBuf {
        self.directory.join("sqs")
    }

    pub(super) fn passed_on(&self) -> Vec<(String, String)> {
        self.passed_on.clone()
    }

    /// Who changes clients.
    pub(super) fn actor(&self) -> &str {
        &self.actor
    }

    /// The `CREDENTIALS_KEY`, made at the first call. It stays as long as the rows.
    pub(super) fn credentials_key(&self) -> anyhow::Result<String> {
        let path = self.directory.join(CREDENTIALS_FILE);
        if !path.exists() {
            let key = STANDARD.encode(rand::random::<[u8; 32]>());
            write_private(&path, &format!("{key}\n"))?;
        }
        let key = fs::read_to_string(&path);
        Ok(key.with_context(|| format!("cannot read {}", path.display()))?.trim().to_owned())
    }

    /// The names in `FORM_TYPES`.
    pub(super) fn form_types(&self) -> Vec<String> {
        let lists = self.passed_on.iter().filter(|(name, _)| name == "FORM_TYPES");
        lists.flat_map(|(_, list)| list.split(',').map(|name| name.trim().to_owned())).collect()
    }

    pub(super) fn ports(&self) -> Ports {
        let first = self.first_port;
        Ports {
            api: first,
            worker: first + 1,
            local_sqs: first + 2,
            postgres: first + 3,
            reader: first + 4,
        }
    }

    /// A directory that user postgres may enter, one for each checkout.
    pub(super) fn public_directory(&self) -> PathBuf {
        let path = self.directory.to_string_lossy();
        let name: String =
            path.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
        Path::new("/var/lib/postgresql").join(format!("directory-form-data{name}"))
    }

    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.first_port)
    }

    pub(super) fn check_free(&self, ports: &[u16]) -> anyhow::Result<()> {
        let in_use = |port: &&u16| TcpListener::bind(("127.0.0.1", **port)).is_err();
        let Some(port) = ports.iter().find(in_use) else { return Ok(()) };
        let is_ours = self.running_system().is_ok_and(|system| system.origin == self.origin());
        ensure!(
            !is_ours,
            "port {port} is in use, probably by a `make local` or a `make debug` of this directory (`make debug_stop` ends that)"
        );
        bail!(
            "port {port} is in use. Choose the first of five free ports, for example \
             `make local LOCAL_PORT={}`",
            self.first_port.wrapping_add(1000)
        );
    }

    /// Writes the file for `make submit`. Only its owner may read it: it has passwords.
    pub(super) fn write_address(&self, database_url: &str) -> anyhow::Result<()> {
        let path = self.directory.join(ADDRESS_FILE);
        let text = format!("{}\n{}\n{database_url}\n", self.origin(), forms::SECRET);
        let _ = fs::remove_file(&path);
        write_private(&path, &text)
    }

    /// The system that the last `make local` in this directory started.
    ///
    /// # Errors
    /// There was none.
    pub fn running_system(&self) -> anyhow::Result<RunningSystem> {
        let text = fs::read_to_string(self.directory.join(ADDRESS_FILE)).unwrap_or_default();
        let mut lines = text.lines().map(str::to_owned);
        match (lines.next(), lines.next(), lines.next()) {
            (Some(origin), Some(secret), Some(database_url)) => {
                Ok(RunningSystem { origin, secret, database_url })
            }
            _ => bail!("nothing is running yet: start `make local` in another terminal"),
        }
    }
}

/// Writes a file that only its owner may read.
fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}
