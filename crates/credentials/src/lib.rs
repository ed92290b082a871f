//! The keys of clients: their text, and how they are encrypted.
//!
//! A [`ClientKey`] is shown once, when it is made. Hawk needs the key itself and not a hash of it, so
//! it is stored, encrypted by [`CredentialsKey`], which only the services have that read it.
//!
//! No value of this crate shows a secret with `Debug`.

mod base62;
mod client_key;
mod credentials_key;

pub use client_key::{ClientKey, NotAKey};
pub use credentials_key::{BadCredentialsKey, CredentialsKey, Opened};

/// The operating system gives no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gives no random bytes")]
pub struct NoRandomBytes;
