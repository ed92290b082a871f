//! The decision: did a client we know sign this request, just now, and for the first time?

use std::{num::NonZeroUsize, sync::Arc};

use parking_lot::RwLock;
use secrecy::SecretString;
use subtle::ConstantTimeEq;

use crate::{
    clients::Clients,
    header::Header,
    mac::{self, Artifacts, Kind},
    nonces::{Nonce, Nonces, Remembered},
    refusal::Refusal,
    request::{Head, Request},
    verified::Verified,
};

/// How far a client's clock may be ahead of ours or behind it; exactly this much is still good.
pub const SKEW_SECONDS: u64 = 60;

/// Verifies requests, and remembers the nonces of the good ones.
///
/// All threads of a process must share one verifier: two verifiers would each accept the same
/// request once.
#[derive(Debug)]
pub struct Verifier {
    clients: RwLock<Arc<Clients>>,
    nonces: Nonces,
    hash_of_nothing_is_required: bool,
}

/// A head whose client, MAC, timestamp and nonce are good. Its body is still to be checked.
///
/// It has no `Debug`: a log with the MAC would let its readers replay the request.
pub struct SignedHead {
    client_id: String,
    ts: u64,
    mac: [u8; 32],
    key: SecretString,
    artifacts: Artifacts,
    /// Which of the client's keys it is, 0 or 1.
    key_index: usize,
    /// The hash that the client signed, in base64. `None` only if there may be no body.
    hash: Option<String>,
    nonce: Nonce,
}

impl Verifier {
    /// Accepts requests from `clients`, and remembers up to `nonces` nonces (about 60 bytes each).
    ///
    /// A nonce is remembered for twice [`SKEW_SECONDS`], so `nonces` should be 120 times the
    /// highest number of good requests per second. While the memory is full, further requests are
    /// refused with [`Refusal::NonceMemoryFull`].
    pub fn new(clients: Clients, nonces: NonZeroUsize) -> Self {
        // A request is good from SKEW_SECONDS before its timestamp until SKEW_SECONDS after it.
        Self {
            clients: RwLock::new(Arc::new(clients)),
            nonces: Nonces::new(nonces, 2 * SKEW_SECONDS),
            hash_of_nothing_is_required: true,
        }
    }

    /// Accepts a GET or HEAD without a payload hash, if it has no body.
    ///
    /// Many clients sign such a request without a hash. For other methods the hash stays required:
    /// whoever takes the body of a POST away would get another answer.
    #[must_use]
    pub fn that_accepts_reads_without_hash(self) -> Self {
        Self { hash_of_nothing_is_required: false, ..self }
    }

    /// Accepts requests from these clients from now on, and remembers the nonces of the earlier ones.
    pub fn replace_clients(&self, clients: Clients) {
        *self.clients.write() = Arc::new(clients);
    }

    /// Returns who signed `request`, or why it is refused. `now` is in Unix seconds.
    ///
    /// A service that can wait for the body calls [`Verifier::verify_head`] and then
    /// [`Verifier::verify_body`], which is the same.
    pub fn verify(&self, request: &Request<'_>, now: u64) -> Result<Verified, Refusal> {
        let head = self.verify_head(&request.head, now)?;
        self.verify_body(head, request.content_type, request.body, now)
    }

    /// Checks everything that needs no body.
    ///
    /// Nothing in the request is trusted before its MAC is verified, so a sender without a key
    /// learns only that the MAC is wrong.
    pub fn verify_head(&self, head: &Head<'_>, now: u64) -> Result<SignedHead, Refusal> {
        let header = Header::parse(head.authorization.ok_or(Refusal::NoHeader)?)?;
        let artifacts = Artifacts::new(head, &header);
        let clients = Arc::clone(&self.clients.read());
        let (key_index, key) = find_signing_key(&clients, &header, &artifacts)?;
        check_clock(header.ts, now, key)?;
        let may_lack_hash =
            !self.hash_of_nothing_is_required && matches!(head.method, "GET" | "HEAD");
        if header.hash.is_none() && !may_lack_hash {
            return Err(Refusal::PayloadHashMissing);
        }
        let (client_id, hash) = (header.id.to_owned(), header.hash.map(str::to_owned));
        let nonce = Nonce::new(header.id, header.nonce, header.ts);
        check_nonce(&self.nonces.look(nonce, now))?;
        let (ts, mac, key) = (header.ts, header.mac, key.clone());
        Ok(SignedHead { client_id, ts, mac, key, key_index, artifacts, hash, nonce })
    }

    /// Checks the body that belongs to a head. `now` is the time at which it was complete.
    ///
    /// The nonce is remembered only here, if everything else is right: a client whose connection
    /// broke off may send the same request again. Until then another copy of the request passes
    /// [`Verifier::verify_head`] too, but only one of them passes this function.
    pub fn verify_body(
        &self,
        head: SignedHead,
        content_type: &str,
        body: &[u8],
        now: u64,
    ) -> Result<Verified, Refusal> {
        // If the body took long, the nonce of an earlier copy may be forgotten already.
        check_clock(head.ts, now, &head.key)?;
        match &head.hash {
            None if body.is_empty() => {}
            None => return Err(Refusal::PayloadHashMissing),
            Some(hash) => {
                let expected = mac::payload_hash(content_type, body);
                if !bool::from(expected.as_bytes().ct_eq(hash.as_bytes())) {
                    return Err(Refusal::PayloadHashWrong);
                }
            }
        }
        check_nonce(&self.nonces.remember(head.nonce, now))?;
        Ok(Verified {
            client_id: head.client_id,
            ts: head.ts,
            mac: head.mac,
            key: head.key,
            key_index: head.key_index,
            artifacts: head.artifacts,
        })
    }
}

/// The key that made the MAC, and which of the client's it is. Takes the same time for known and
/// unknown clients, and for either key of a client.
fn find_signing_key<'a>(
    clients: &'a Clients,
    header: &Header<'_>,
    artifacts: &Artifacts,
) -> Result<(usize, &'a SecretString), Refusal> {
    let (known, keys) = match clients.keys(header.id) {
        Some(keys) => (true, keys),
        None => (false, clients.decoy_keys()),
    };
    let hash = header.hash.unwrap_or_default();
    let [(first, first_matches), (second, second_matches)] = keys.each_ref().map(|key| {
        let expected = artifacts.mac(Kind::Request, key, hash, header.ext);
        (key, bool::from(expected.ct_eq(&header.mac)))
    });
    match (known, first_matches, second_matches) {
        (false, _, _) => Err(Refusal::UnknownClient),
        (true, true, _) => Ok((0, first)),
        (true, false, true) => Ok((1, second)),
        (true, false, false) => Err(Refusal::MacWrong),
    }
}

fn check_clock(ts: u64, now: u64, key: &SecretString) -> Result<(), Refusal> {
    if now.abs_diff(ts) > SKEW_SECONDS {
        return Err(Refusal::StaleTimestamp { now, tsm: mac::sign_timestamp(key, now) });
    }
    Ok(())
}

fn check_nonce(remembered: &Remembered) -> Result<(), Refusal> {
    match remembered {
        Remembered::Fresh => Ok(()),
        Remembered::Seen => Err(Refusal::NonceSeen),
        Remembered::Full => Err(Refusal::NonceMemoryFull),
    }
}
