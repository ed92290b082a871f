//! Who asks: the client that has signed a request with Hawk, or has sent its key.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName, HeaderValue},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use credentials::ClientKey;
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use hawk_auth::{SignedHead, Verified, Verifier};
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;

use crate::{
    clients::{Client, Directory, Known},
    origin::Origins,
    refusal::{Cause, Refusal},
    settings::{AccessSettings, LimitSettings, Scheme},
};

/// An unknown client takes as long as a wrong key.
const DECOY: &str = "dfd_decoy0000000_000000000000000000000000000000000000000000000000";

/// Who may ask, and how.
pub struct Access {
    pub origins: Origins,
    pub schemes: Vec<Scheme>,
    pub directory: Directory,
    verifier: Verifier,
    rates: DefaultKeyedRateLimiter<String>,
    clock: DefaultClock,
}

/// Who asks. Answers to a Hawk client are signed.
pub struct Caller {
    pub client: Arc<Client>,
    /// The id of the key that was used.
    pub key: String,
    verified: Option<Verified>,
}

/// A request whose head is good.
pub enum Head {
    Hawk(Box<SignedHead>),
    Key { client: Arc<Client>, key: String },
}

impl Access {
    pub fn new(settings: &AccessSettings, limits: &LimitSettings) -> Self {
        let clients = Known::default().for_hawk();
        let per_minute = limits.requests_per_minute;
        let burst = per_minute.get().div_ceil(3).try_into().unwrap_or(per_minute);
        Self {
            origins: settings.origins.clone(),
            schemes: settings.schemes.clone(),
            directory: Directory::default(),
            verifier: Verifier::new(clients, settings.nonces).that_accepts_reads_without_hash(),
            rates: RateLimiter::keyed(Quota::per_minute(per_minute).allow_burst(burst)),
            clock: DefaultClock::default(),
        }
    }

    /// From now on these clients count.
    pub fn replace_clients(&self, known: Known) {
        self.verifier.replace_clients(known.for_hawk());
        self.directory.replace(known);
    }

    /// Checks everything that does not need the body, so that the bodies of others are not read.
    ///
    /// # Errors
    /// It is not known who asks.
    pub fn check_head(&self, request: &HttpRequest) -> Result<Head, Refusal> {
        let known = self.directory.known().map_err(Refusal::Clients)?;
        let mut values = request.headers().get_all(header::AUTHORIZATION);
        let no_scheme = Refusal::NotRecognised(Cause::NoScheme);
        let Some(value) = values.next() else { return Err(no_scheme) };
        if values.next().is_some() {
            return Err(Refusal::NotRecognised(Cause::Malformed));
        }
        let scheme = [Scheme::Hawk, Scheme::Bearer, Scheme::Basic]
            .into_iter()
            .find(|scheme| is_of(value, *scheme) && self.schemes.contains(scheme));
        match scheme {
            None => Err(no_scheme),
            Some(Scheme::Hawk) => self.check_hawk(request, value),
            Some(scheme) => check_key(&known, scheme, value).map_err(Refusal::NotRecognised),
        }
    }

    /// Checks the body, and says who asks.
    ///
    /// # Errors
    /// The body is not the signed one.
    pub fn check_body(
        &self,
        head: Head,
        request: &HttpRequest,
        body: &[u8],
    ) -> Result<Caller, Refusal> {
        match head {
            Head::Key { client, key } => Ok(Caller { client, key, verified: None }),
            Head::Hawk(head) => {
                let content_type = text(request, header::CONTENT_TYPE);
                let verified = self.verifier.verify_body(*head, content_type, body, unix_seconds());
                let verified = verified.map_err(hawk_refusal)?;
                let known = self.directory.known().map_err(Refusal::Clients)?;
                // It may have been removed while the body arrived.
                let client = known.client(verified.client_id()).cloned();
                let client = client.ok_or(Refusal::NotRecognised(Cause::UnknownClient))?;
                let key = client.keys.get(verified.key_index());
                let key = key.map(|key| key.id.clone()).unwrap_or_default();
                Ok(Caller { client, key, verified: Some(verified) })
            }
        }
    }

    /// Counts a request of the client.
    ///
    /// # Errors
    /// There were too many.
    pub fn check_rate(&self, client: &Client) -> Result<(), Refusal> {
        self.rates
            .check_key(&client.id)
            .map_err(|until| Refusal::TooManyRequests(until.wait_time_from(self.clock.now())))
    }

    fn check_hawk(&self, request: &HttpRequest, value: &HeaderValue) -> Result<Head, Refusal> {
        let origin = self.origins.of(request);
        let head = hawk_auth::Head {
            authorization: Some(value.as_bytes()),
            method: request.method().as_str(),
            path_and_query: request.uri().path_and_query().map_or("/", |path| path.as_str()),
            host: &origin.host,
            port: origin.port,
        };
        let head = self.verifier.verify_head(&head, unix_seconds());
        head.map(|head| Head::Hawk(Box::new(head))).map_err(hawk_refusal)
    }
}

impl Caller {
    /// The value of `Server-Authorization` for this answer, if the request was signed. Without a
    /// body it proves who answers, and nothing about what follows.
    pub fn sign(&self, content_type: &str, body: Option<&[u8]>) -> Option<HeaderValue> {
        let verified = self.verified.as_ref()?;
        let value = match body {
            Some(body) => verified.server_authorization(content_type, body),
            None => verified.server_authorization_without_hash(),
        };
        HeaderValue::from_str(&value).ok()
    }
}

fn is_of(value: &HeaderValue, scheme: Scheme) -> bool {
    let (value, name) = (value.as_bytes(), scheme.name().as_bytes());
    let begins = value.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
    begins && matches!(value.get(name.len()), None | Some(b' '))
}

fn check_key(known: &Known, scheme: Scheme, value: &HeaderValue) -> Result<Head, Cause> {
    let value = value.to_str().map_err(|_| Cause::Malformed)?;
    let (_, credentials) = value.split_once(' ').ok_or(Cause::Malformed)?;
    let credentials = credentials.trim_matches(' ');
    if scheme == Scheme::Bearer {
        let key = ClientKey::parse(credentials).ok();
        let client = key.and_then(|key| known.client_of_key(key.id()));
        return find_key(client, credentials);
    }
    let decoded = STANDARD.decode(credentials).map_err(|_| Cause::Malformed)?;
    let decoded = SecretString::from(String::from_utf8(decoded).map_err(|_| Cause::Malformed)?);
    let (id, key) = decoded.expose_secret().split_once(':').ok_or(Cause::Malformed)?;
    find_key(known.client(id), key)
}

fn find_key(client: Option<&Arc<Client>>, sent: &str) -> Result<Head, Cause> {
    let equals = |key: &str| bool::from(key.as_bytes().ct_eq(sent.as_bytes()));
    let Some(client) = client else {
        let _same_time = equals(DECOY);
        return Err(Cause::UnknownClient);
    };
    let mut found = None;
    // All keys are compared.
    for key in &client.keys {
        if equals(key.text.expose_secret()) {
            found = Some(key);
        }
    }
    let key = found.ok_or(Cause::KeyWrong)?;
    Ok(Head::Key { client: Arc::clone(client), key: key.id.clone() })
}

fn hawk_refusal(refusal: hawk_auth::Refusal) -> Refusal {
    match refusal {
        hawk_auth::Refusal::NonceMemoryFull => Refusal::Nonces,
        refusal => Refusal::NotRecognised(Cause::Hawk(refusal)),
    }
}

fn text(request: &HttpRequest, name: HeaderName) -> &str {
    request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn unix_seconds() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.as_ref().map_or(0, Duration::as_secs)
}
