//! The MACs and hashes of Hawk, and the text they cover.

use base64::{Engine, engine::general_purpose::STANDARD};
use hawk::{Key, PayloadHasher, SHA256};
use secrecy::{ExposeSecret, SecretString};

use crate::{header::Header, request::Head};

/// What a MAC covers; a MAC of one kind is never valid as the other.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Request,
    Response,
}

/// The text that the MACs of a request and of its response have in common.
pub(crate) struct Artifacts {
    /// The lines before the payload hash and `ext`.
    before: String,
    /// The lines after them: `app` and `dlg`, or nothing.
    after: String,
}

impl Artifacts {
    pub(crate) fn new(head: &Head<'_>, header: &Header<'_>) -> Self {
        let before = format!(
            "{}\n{}\n{}\n{}\n{}\n{}\n",
            header.ts_text,
            header.nonce,
            head.method.to_ascii_uppercase(),
            head.path_and_query,
            head.host.to_ascii_lowercase(),
            head.port,
        );
        let after = if header.app.is_empty() {
            String::new()
        } else {
            format!("{}\n{}\n", header.app, header.dlg)
        };
        Self { before, after }
    }

    /// The MAC over these lines, `hash` and `ext`. An absent `hash` or `ext` is an empty line.
    pub(crate) fn mac(&self, kind: Kind, key: &SecretString, hash: &str, ext: &str) -> Vec<u8> {
        let kind = match kind {
            Kind::Request => "header",
            Kind::Response => "response",
        };
        sign(key, &format!("hawk.1.{kind}\n{}{hash}\n{ext}\n{}", self.before, self.after))
    }
}

/// The MAC over our time, in base64; it lets a client trust our clock.
pub(crate) fn sign_timestamp(key: &SecretString, now: u64) -> String {
    base64(&sign(key, &format!("hawk.1.ts\n{now}\n")))
}

/// The hash of a body and its media type (in lower case, without parameters), in base64.
pub(crate) fn payload_hash(content_type: &str, body: &[u8]) -> String {
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    // Empty if the cryptography fails. ring's never does, and an empty hash matches no request.
    base64(&PayloadHasher::hash(media_type, SHA256, body).unwrap_or_default())
}

pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn sign(key: &SecretString, text: &str) -> Vec<u8> {
    // Empty if the cryptography fails. ring's never does, and an empty MAC matches no request,
    // because the MAC of a request has 32 bytes.
    Key::new(key.expose_secret(), SHA256)
        .and_then(|key| key.sign(text.as_bytes()))
        .unwrap_or_default()
}
