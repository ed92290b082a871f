//! A good request, and how to answer it.

use std::fmt;

use secrecy::SecretString;

use crate::mac::{self, Artifacts, Kind};

/// A request whose signature is good.
pub struct Verified {
    client_id: String,
    ts: u64,
    mac: [u8; 32],
    key: SecretString,
    artifacts: Artifacts,
}

impl Verified {
    pub(crate) fn new(
        client_id: String,
        ts: u64,
        mac: [u8; 32],
        key: SecretString,
        artifacts: Artifacts,
    ) -> Self {
        Self { client_id, ts, mac, key, artifacts }
    }

    /// The client that signed it: one of the ids in `HAWK_CLIENTS`.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The time that the client has signed, in seconds since 1970.
    pub fn ts(&self) -> u64 {
        self.ts
    }

    /// The MAC of the request. A replay has the same MAC, at any instance; no other request from
    /// this client has it.
    pub fn mac(&self) -> &[u8; 32] {
        &self.mac
    }

    /// The value of `Server-Authorization` for an answer with this `Content-Type` (empty if it has
    /// none) and this body, made with the key that the client used.
    pub fn server_authorization(&self, content_type: &str, body: &[u8]) -> String {
        let hash = mac::payload_hash(content_type, body);
        let mac = mac::base64(&self.artifacts.mac(Kind::Response, &self.key, &hash, ""));
        format!("Hawk mac=\"{mac}\", hash=\"{hash}\"")
    }
}

/// Does not print the MAC, which must not be in a log while the request can be replayed.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
