//! A request as plain values, signed by the crate `hawk`, and a verifier for it.

use std::time::{Duration, UNIX_EPOCH};

use hawk::{Credentials, Key, PayloadHasher, RequestBuilder, SHA256};
use hawk_auth::{Clients, Head, Refusal, Request, Verified, Verifier};

pub const NOW: u64 = 1_800_000_000;
pub const KEY: &str = "key-of-the-ui-1234567890";
pub const OLD_KEY: &str = "old-key-of-the-ui-123456";
pub const CRM_KEY: &str = "key-of-the-crm-123456789";

pub fn verifier() -> Verifier {
    verifier_with(&format!("ui:{KEY},crm:{CRM_KEY}"), 100)
}

pub fn verifier_with(clients: &str, nonces: usize) -> Verifier {
    Verifier::new(Clients::parse(clients).unwrap(), nonces.try_into().unwrap())
}

/// A request as the server sees it.
#[derive(Clone, Debug)]
pub struct Sent {
    pub authorization: Option<String>,
    pub method: String,
    pub path_and_query: String,
    pub host: String,
    pub port: u16,
    pub content_type: String,
    pub body: Vec<u8>,
    pub now: u64,
}

impl Default for Sent {
    /// A request without a signature.
    fn default() -> Self {
        Self {
            authorization: None,
            method: "POST".to_owned(),
            path_and_query: "/form/?a=1&b=%20".to_owned(),
            host: "forms.example.com".to_owned(),
            port: 443,
            content_type: "application/json".to_owned(),
            body: br#"{"data": {"name": "\u00e4"}}"#.to_vec(),
            now: NOW,
        }
    }
}

/// How a client signs a request.
#[derive(Clone)]
pub struct Signing {
    pub id: &'static str,
    pub key: &'static str,
    pub ts: u64,
    pub nonce: &'static str,
    pub ext: Option<&'static str>,
    pub with_hash: bool,
}

impl Default for Signing {
    fn default() -> Self {
        Self {
            id: "ui",
            key: KEY,
            ts: NOW,
            nonce: "j4h3g2",
            ext: Some("some ext"),
            with_hash: true,
        }
    }
}

impl Sent {
    /// The request signed with the default [`Signing`].
    pub fn signed(self) -> Self {
        self.signed_with(&Signing::default())
    }

    pub fn signed_with(mut self, signing: &Signing) -> Self {
        let header = self.hawk_header(signing);
        self.authorization = Some(format!("Hawk {header}"));
        self
    }

    pub fn hawk_header(&self, signing: &Signing) -> hawk::Header {
        let media_type = self.content_type.split(';').next().unwrap().to_lowercase();
        let hash = PayloadHasher::hash(media_type, SHA256, &self.body).unwrap();
        let credentials =
            Credentials { id: signing.id.to_owned(), key: Key::new(signing.key, SHA256).unwrap() };
        RequestBuilder::new(&self.method, &self.host, self.port, &self.path_and_query)
            .hash(signing.with_hash.then_some(&hash[..]))
            .ext(signing.ext)
            .request()
            .make_header_full(
                &credentials,
                UNIX_EPOCH + Duration::from_secs(signing.ts),
                signing.nonce,
            )
            .unwrap()
    }

    pub fn verify(&self, verifier: &Verifier) -> Result<Verified, Refusal> {
        let (content_type, body) = (self.content_type.as_str(), &self.body[..]);
        verifier.verify(&Request { head: self.head(), content_type, body }, self.now)
    }

    pub fn head(&self) -> Head<'_> {
        Head {
            authorization: self.authorization.as_ref().map(|value| value.as_bytes()),
            method: &self.method,
            path_and_query: &self.path_and_query,
            host: &self.host,
            port: self.port,
        }
    }

    /// `good`, or the code of the refusal.
    pub fn code(&self, verifier: &Verifier) -> &'static str {
        self.verify(verifier).map_or_else(|refusal| refusal.code(), |_| "good")
    }

    /// Replaces text in the header. Panics if the header does not have the old text, so that a
    /// test cannot pass without altering anything.
    pub fn replace(&mut self, old: &str, new: &str) {
        let header = self.authorization.as_mut().unwrap();
        assert!(header.contains(old), "{header} has no {old}");
        *header = header.replacen(old, new, 1);
    }
}

/// The value of one attribute of a header.
pub fn attribute<'a>(header: &'a str, name: &str) -> &'a str {
    let (_, after) = header.split_once(&format!(" {name}=\"")).unwrap();
    after.split_once('"').unwrap().0
}
