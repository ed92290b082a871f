//! How clients may authenticate, and the public address of the reader.

use std::{net::ToSocketAddrs, num::NonZeroUsize, sync::Arc};

use credentials::CredentialsKey;
use secrecy::SecretString;
use service::settings::{Environment, ListenSettings};

use crate::origin::{Origin, Origins};

/// How clients may authenticate, and the public address of the reader.
#[derive(Clone, Debug)]
pub struct AccessSettings {
    /// The schemes that are on, in the order of the challenges in a 401.
    pub schemes: Vec<Scheme>,
    /// Opens the keys of clients.
    pub credentials: Arc<CredentialsKey>,
    /// How many Hawk requests are remembered.
    pub nonces: NonZeroUsize,
    /// The addresses of the reader as its clients see them.
    pub origins: Origins,
}

/// A way to authenticate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// The client signs with its key.
    Hawk,
    /// The client sends its key.
    Bearer,
    /// The client sends its id and its key.
    Basic,
}

/// The values of `READER_AUTH`.
const SCHEMES: &str = "hawk, bearer, basic, or several with commas between";
/// The values of `PUBLIC_URL`.
const ORIGINS: &str = "http:// or https:// with a host, and a port if it is not the usual one; several with commas between";

/// They take about 12 MB once that many are remembered, and allow 1,600 requests per second.
const DEFAULT_NONCES: NonZeroUsize = NonZeroUsize::new(200_000).unwrap();
const MOST_NONCES: NonZeroUsize = NonZeroUsize::new(100_000_000).unwrap();

impl AccessSettings {
    /// Reads the variables.
    pub fn read(environment: &mut Environment, listen: &ListenSettings) -> Self {
        let names = environment.names(
            "READER_AUTH",
            "hawk,bearer,basic",
            SCHEMES,
            "How clients may authenticate. Bearer and Basic send the key itself, so they need https.",
        );
        let schemes = [Scheme::Hawk, Scheme::Bearer, Scheme::Basic];
        if names.iter().any(|name| schemes.iter().all(|scheme| scheme.name() != name)) {
            environment.fault("READER_AUTH", format_args!("must be {SCHEMES}"));
        }
        let is_on = |scheme: &Scheme| names.iter().any(|name| name == scheme.name());
        let nonces = environment.number(
            "HAWK_NONCES",
            DEFAULT_NONCES,
            NonZeroUsize::MIN..=MOST_NONCES,
            "How many requests of the last 120 s are remembered, so that a copy of one is refused.",
        );
        let origins = environment.optional_names(
            "PUBLIC_URL",
            "none: the reader listens on a loopback address only",
            ORIGINS,
            "The addresses of the reader as clients see them. Links to next pages begin with the one that a request names in `Host`, else with the first; Hawk signs it.",
        );
        if origins.is_none() && !is_loopback(listen) {
            environment.fault("PUBLIC_URL", "is needed unless BIND_ADDRESS is a loopback address");
        }
        let origins: Vec<Option<Origin>> =
            origins.iter().flatten().map(|origin| Origin::parse(origin)).collect();
        if origins.iter().any(Option::is_none) {
            environment.fault("PUBLIC_URL", format_args!("must be {ORIGINS}"));
        }
        Self {
            schemes: schemes.into_iter().filter(is_on).collect(),
            credentials: credentials(environment),
            nonces,
            origins: Origins::new(origins.into_iter().flatten().collect()),
        }
    }

    /// Warns of settings that are allowed and probably not meant.
    pub fn warn(&self) {
        let sends_keys = self.schemes.iter().any(|scheme| *scheme != Scheme::Hawk);
        if sends_keys && self.origins.has_plain_http() {
            log::warn!(
                "READER_AUTH allows Bearer or Basic, and PUBLIC_URL is http: keys may cross the network in plain text."
            );
        }
    }
}

impl Scheme {
    /// As in `READER_AUTH`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hawk => "hawk",
            Self::Bearer => "bearer",
            Self::Basic => "basic",
        }
    }
}

/// A key that opens nothing stands for one that is wrong: the fault ends the program.
const NO_KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

fn credentials(environment: &mut Environment) -> Arc<CredentialsKey> {
    let current = environment.optional(
        "CREDENTIALS_KEY",
        "required",
        "32 bytes in base64: a secret",
        "Decrypts the keys of clients; the same as for `manage`.",
    );
    let previous = environment.optional(
        "CREDENTIALS_KEY_PREVIOUS",
        "none",
        "32 bytes in base64: a secret",
        "The `CREDENTIALS_KEY` before this one, while it is changed.",
    );
    if current.is_none() {
        environment.fault("CREDENTIALS_KEY", "is not set");
    }
    let mut read = |name: &str, text: Option<String>| {
        let text = text?;
        if CredentialsKey::is_one(&text) {
            return Some(SecretString::from(text));
        }
        environment.fault(name, "must be 32 bytes in base64");
        None
    };
    let current = read("CREDENTIALS_KEY", current).unwrap_or_else(|| NO_KEY.into());
    let previous = read("CREDENTIALS_KEY_PREVIOUS", previous);
    #[expect(clippy::expect_used, reason = "both were checked")]
    let key = CredentialsKey::new(&current, previous.as_ref()).expect("keys that were checked");
    Arc::new(key)
}

fn is_loopback(listen: &ListenSettings) -> bool {
    let addresses = (listen.bind_address.as_str(), 0).to_socket_addrs();
    addresses.is_ok_and(|addresses| addresses.into_iter().all(|address| address.ip().is_loopback()))
}
