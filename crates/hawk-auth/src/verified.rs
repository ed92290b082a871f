//! A good request, and how to answer it.

use std::fmt;

use secrecy::SecretString;

use crate::mac::{self, Artifacts, Kind};

/// A request whose signature is good.
pub struct Verified {
    pub(crate) client_id: String,
    pub(crate) ts: u64,
    pub(crate) mac: [u8; 32],
    pub(crate) key: SecretString,
    pub(crate) key_index: usize,
    pub(crate) artifacts: Artifacts,
}

impl Verified {
    /// The client that signed it: one of the ids in [`crate::Clients`].
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

    /// Which of the client's keys signed it: 0 for the first, 1 for the second.
    pub fn key_index(&self) -> usize {
        self.key_index
    }

    /// The value of `Server-Authorization` for an answer with this `Content-Type` (empty if it has
    /// none) and this body, made with the key that the client used.
    pub fn server_authorization(&self, content_type: &str, body: &[u8]) -> String {
        let hash = mac::payload_hash(content_type, body);
        let mac = mac::base64(&self.artifacts.mac(Kind::Response, &self.key, &hash, ""));
        format!("Hawk mac=\"{mac}\", hash=\"{hash}\"")
    }

    /// The value of `Server-Authorization` for an answer whose body is not known yet, because it is
    /// streamed: it proves who answers, and nothing about the body.
    pub fn server_authorization_without_hash(&self) -> String {
        let mac = mac::base64(&self.artifacts.mac(Kind::Response, &self.key, "", ""));
        format!("Hawk mac=\"{mac}\"")
    }
}

/// Does not print the MAC, which must not be in a log while the request can be replayed.
impl fmt::Debug for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verified").field("client_id", &self.client_id).finish_non_exhaustive()
    }
}
