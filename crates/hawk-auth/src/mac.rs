//! What Hawk signs and hashes, and how it is written.

use base64::{Engine, engine::general_purpose::STANDARD};
use hawk::{Key, PayloadHasher, SHA256};
use secrecy::{ExposeSecret, SecretString};

use crate::{header::Header, verify::Request};

/// What a MAC is for, so that one cannot stand for the other.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Request,
    Response,
}

/// What the MACs of a request and of its response have in common.
pub(crate) struct Artifacts {
    /// The lines before payload hash and `ext`.
    before: String,
    /// The lines after them: `app` and `dlg`, or none.
    after: String,
}

impl Artifacts {
    pub(crate) fn of(request: &Request<'_>, header: &Header<'_>) -> Self {
        let before = format!(
            "{}\n{}\n{}\n{}\n{}\n{}\n",
            header.ts_text,
            header.nonce,
            request.method.to_ascii_uppercase(),
            request.path_and_query,
            request.host.to_ascii_lowercase(),
            request.port,
        );
        let after = if header.app.is_empty() {
            String::new()
        } else {
            format!("{}\n{}\n", header.app, header.dlg)
        };
        Self { before, after }
    }

    /// The MAC over these, `hash` and `ext`; each is a line, empty if there is none.
    pub(crate) fn mac(&self, kind: Kind, key: &SecretString, hash: &str, ext: &str) -> Vec<u8> {
        let kind = match kind {
            Kind::Request => "header",
            Kind::Response => "response",
        };
        sign(key, &format!("hawk.1.{kind}\n{}{hash}\n{ext}\n{}", self.before, self.after))
    }
}

/// The MAC that lets a client believe our clock, in base64.
pub(crate) fn of_timestamp(key: &SecretString, now: u64) -> String {
    base64(&sign(key, &format!("hawk.1.ts\n{now}\n")))
}

/// The hash of a body, in base64, with its media type in lower case and without parameters.
pub(crate) fn payload_hash(content_type: &str, body: &[u8]) -> String {
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // Empty if the cryptography fails, which ring's does not: no hash that is looked at is empty.
    base64(&PayloadHasher::hash(media_type, SHA256, body).unwrap_or_default())
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn sign(key: &SecretString, text: &str) -> Vec<u8> {
    // Empty if the cryptography fails, which ring's does not: no MAC that is looked at has other than 32 bytes.
    Key::new(key.expose_secret(), SHA256)
        .and_then(|key| key.sign(text.as_bytes()))
        .unwrap_or_default()
}
