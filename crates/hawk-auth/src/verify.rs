//! The decision: did a client we know sign this request, just now, and for the first time?

use std::num::NonZeroUsize;

use secrecy::SecretString;
use subtle::ConstantTimeEq;

use crate::{
    clients::Clients,
    header::Header,
    mac::{self, Artifacts, Kind},
    nonces::{Nonces, Remembered},
    refusal::Refusal,
    request::Request,
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
    clients: Clients,
    nonces: Nonces,
}

impl Verifier {
    /// Accepts requests from `clients`, and remembers up to `nonces` nonces (about 60 bytes each).
    ///
    /// A nonce is remembered for twice [`SKEW_SECONDS`], so `nonces` should be 120 times the
    /// highest number of good requests per second. While the memory is full, further requests are
    /// refused with [`Refusal::NonceMemoryFull`].
    pub fn new(clients: Clients, nonces: NonZeroUsize) -> Self {
        // A request is good from SKEW_SECONDS before its timestamp until SKEW_SECONDS after it.
        Self { clients, nonces: Nonces::new(nonces, 2 * SKEW_SECONDS) }
    }

    /// Returns who signed `request`, or why it is refused. `now` is in Unix seconds.
    ///
    /// Nothing in the request is trusted before its MAC is verified, so a sender without a key
    /// learns only that the MAC is wrong. The nonce is remembered only if everything else is right.
    pub fn verify(&self, request: &Request<'_>, now: u64) -> Result<Verified, Refusal> {
        let header = Header::parse(request.authorization.ok_or(Refusal::NoHeader)?)?;
        let artifacts = Artifacts::new(request, &header);
        let key = self.find_signing_key(&header, &artifacts)?;
        if now.abs_diff(header.ts) > SKEW_SECONDS {
            return Err(Refusal::StaleTimestamp { now, tsm: mac::sign_timestamp(key, now) });
        }
        let hash = header.hash.ok_or(Refusal::PayloadHashMissing)?;
        let expected = mac::payload_hash(request.content_type, request.body);
        if !bool::from(expected.as_bytes().ct_eq(hash.as_bytes())) {
            return Err(Refusal::PayloadHashWrong);
        }
        match self.nonces.remember(header.id, header.nonce, header.ts, now) {
            Remembered::Fresh => Ok(Verified::new(header.id, header.mac, key, artifacts)),
            Remembered::Seen => Err(Refusal::NonceSeen),
            Remembered::Full => Err(Refusal::NonceMemoryFull),
        }
    }

    /// The key that made the MAC. Takes the same time for known and unknown clients, and for either
    /// key of a client.
    fn find_signing_key(
        &self,
        header: &Header<'_>,
        artifacts: &Artifacts,
    ) -> Result<&SecretString, Refusal> {
        let (known, keys) = match self.clients.keys(header.id) {
            Some(keys) => (true, keys),
            None => (false, self.clients.decoy_keys()),
        };
        let hash = header.hash.unwrap_or_default();
        let [(first, first_matches), (second, second_matches)] = keys.each_ref().map(|key| {
            let expected = artifacts.mac(Kind::Request, key, hash, header.ext);
            (key, bool::from(expected.ct_eq(&header.mac)))
        });
        match (known, first_matches, second_matches) {
            (false, _, _) => Err(Refusal::UnknownClient),
            (true, true, _) => Ok(first),
            (true, false, true) => Ok(second),
            (true, false, false) => Err(Refusal::MacWrong),
        }
    }
}
