//! The decision: is this request signed by a client that we know, now, and for the first time.

use std::num::NonZeroUsize;

use secrecy::SecretString;
use subtle::ConstantTimeEq;

use crate::{
    clients::Clients,
    header::Header,
    mac::{self, Artifacts, Kind},
    nonces::{Nonces, Remembered},
    refusal::Refusal,
    verified::Verified,
};

/// How far the clock of a client may be from ours, either way; the border itself is good.
pub const SKEW_SECONDS: u64 = 60;

/// What a request says, as it was received.
///
/// It has no `Debug`, because the body is somebody's form.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The value of `Authorization`, if there is one.
    pub authorization: Option<&'a [u8]>,
    /// As in the request line.
    pub method: &'a str,
    /// Path and query as in the request line, with the escapes that the client used.
    pub path_and_query: &'a str,
    /// The host that the client addressed, without a port: behind a load balancer that of `PUBLIC_URL`.
    pub host: &'a str,
    /// The port that the client addressed: 80 or 443 where its URL names none.
    pub port: u16,
    /// The value of `Content-Type`, with or without parameters; empty if there is none.
    pub content_type: &'a str,
    /// The body as it was received.
    pub body: &'a [u8],
}

/// Verifies requests, and remembers the nonces of those that were good.
///
/// It is shared by all threads of a process: two of them would each take the same request once.
#[derive(Debug)]
pub struct Verifier {
    clients: Clients,
    nonces: Nonces,
}

impl Verifier {
    /// Knows `clients`, and remembers up to `nonces` nonces (about 60 bytes each) at a time.
    ///
    /// A nonce is remembered for twice [`SKEW_SECONDS`], so `nonces` should be 120 times the good requests per second at
    /// their highest. While so many are remembered further requests are refused, with [`Refusal::NonceMemoryFull`].
    pub fn new(clients: Clients, nonces: NonZeroUsize) -> Self {
        // A request is good from SKEW before its timestamp until SKEW after it.
        Self { clients, nonces: Nonces::new(nonces, 2 * SKEW_SECONDS) }
    }

    /// Who signed `request`, at `now` in Unix seconds, or why it is refused.
    ///
    /// Nothing that the request says is believed before its MAC is found right, so that one without a key learns only
    /// that; and its nonce is remembered only when everything else is right.
    pub fn verify(&self, request: &Request<'_>, now: u64) -> Result<Verified, Refusal> {
        let header = Header::parse(request.authorization.ok_or(Refusal::NoHeader)?)?;
        let artifacts = Artifacts::of(request, &header);
        let key = self.key_that_fits(&header, &artifacts)?;
        if now.abs_diff(header.ts) > SKEW_SECONDS {
            return Err(Refusal::StaleTimestamp { now, tsm: mac::of_timestamp(key, now) });
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

    /// Takes as long whether the client is known or not, and whichever of its keys fits.
    fn key_that_fits(
        &self,
        header: &Header<'_>,
        artifacts: &Artifacts,
    ) -> Result<&SecretString, Refusal> {
        let (known, keys) = match self.clients.keys(header.id) {
            Some(keys) => (true, keys),
            None => (false, self.clients.stand_in()),
        };
        let hash = header.hash.unwrap_or_default();
        let [(first, first_fits), (second, second_fits)] = keys.each_ref().map(|key| {
            let expected = artifacts.mac(Kind::Request, key, hash, header.ext);
            (key, bool::from(expected.ct_eq(&header.mac)))
        });
        match (known, first_fits, second_fits) {
            (false, _, _) => Err(Refusal::UnknownClient),
            (true, true, _) => Ok(first),
            (true, false, true) => Ok(second),
            (true, false, false) => Err(Refusal::MacWrong),
        }
    }
}
