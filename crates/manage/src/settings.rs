//! The settings of the commands.

use credentials::CredentialsKey;
use secrecy::SecretString;
use service::settings::{Environment, Faults, LogSettings};
use store::StoreSettings;

use crate::output;

/// Everything that `manage` reads from its environment.
#[derive(Debug)]
pub struct Settings {
    pub log: LogSettings,
    pub store: StoreSettings,
    /// `None` if the command needs no key.
    pub credentials: Option<CredentialsKey>,
    /// Who makes changes, unless the command line says so.
    pub actor: Option<String>,
}

impl Settings {
    /// Reads and checks all variables.
    ///
    /// # Errors
    /// Every fault of every variable.
    pub fn read(mut environment: Environment, needs_key: bool) -> Result<Self, Faults> {
        let settings = Self::read_from(&mut environment, needs_key);
        environment.finish(settings)
    }

    /// The table of all variables for the reference page.
    pub fn reference() -> String {
        let mut environment = Environment::default();
        Self::read_from(&mut environment, false);
        environment.reference()
    }

    fn read_from(environment: &mut Environment, needs_key: bool) -> Self {
        let url = environment.text(
            "DATABASE_URL",
            "postgres://test:test@localhost:5432/directory-form-data-test",
            "a URL of PostgreSQL",
            "The database with the clients, with the role `form_manager`. For TLS, set libpq's `sslmode` and `sslrootcert` in it.",
        );
        let transaction_pooling = environment.flag(
            "DATABASE_TRANSACTION_POOLING",
            false,
            "Set it to `true` if `DATABASE_URL` leads to PgBouncer with `pool_mode = transaction`.",
        );
        let store =
            StoreSettings { pool_size: 1, transaction_pooling, ..StoreSettings::new(url.into()) };
        if let Err(error) = store.validate() {
            environment.fault("DATABASE_URL", format_args!("is not right: {error}"));
        }
        Self {
            log: LogSettings::read_for_command(environment),
            store,
            credentials: read_credentials(environment, needs_key),
            actor: read_actor(environment),
        }
    }

    /// Warns of settings that are allowed and probably not meant.
    pub fn warn(&self) {
        if self.store.may_send_plain_text() {
            output::message(
                "DATABASE_URL names another machine and no sslmode: the password may cross the network in plain text. \
                 Set sslmode=verify-full, or sslmode=disable if that is what you want.",
            );
        }
    }
}

fn read_credentials(environment: &mut Environment, needs_key: bool) -> Option<CredentialsKey> {
    let current = environment.required_if(
        needs_key,
        "CREDENTIALS_KEY",
        "the command makes or encrypts keys",
        "a secret: 32 bytes in base64",
        "Encrypts the keys of clients. Every service that reads them has the same.",
    );
    let previous = environment.optional_if(
        needs_key,
        "CREDENTIALS_KEY_PREVIOUS",
        "none",
        "a secret: 32 bytes in base64",
        "The `CREDENTIALS_KEY` before this one, while it is changed.",
    );
    let mut is_right = true;
    for (name, text) in [("CREDENTIALS_KEY", &current), ("CREDENTIALS_KEY_PREVIOUS", &previous)] {
        if text.as_ref().is_some_and(|text| !text.is_empty() && !CredentialsKey::is_one(text)) {
            environment.fault(name, "must be 32 bytes in base64");
            is_right = false;
        }
    }
    let current = SecretString::from(current.filter(|_| is_right)?);
    CredentialsKey::new(&current, previous.map(SecretString::from).as_ref()).ok()
}

fn read_actor(environment: &mut Environment) -> Option<String> {
    let actor = environment.optional(
        "MANAGE_ACTOR",
        "`USER`",
        "a name",
        "Who makes the changes, unless `--as` says so.",
    );
    actor.or_else(|| environment.value("USER"))
}
