//! The sender of a request, as its signature shows.

use crate::repeats::Repeat;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentBy {
    /// The UI: the request is signed with its secret.
    Ui {
        /// Requests with the same are one submission. `None` if repetitions are not looked for.
        repeat: Option<Repeat>,
    },
    /// A client with a Hawk key of its own.
    HawkClient {
        id: String,
        /// The time that it has signed, in seconds since 1970. A replay has the same.
        ts: u64,
        /// The MAC of this request. A replay has the same.
        mac: [u8; 32],
    },
}
