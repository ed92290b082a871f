//! The sender of a request, as its signature shows.

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentBy {
    /// The UI: the request is signed with its secret.
    Ui,
    /// A client with a Hawk key of its own.
    HawkClient {
        id: String,
        /// The MAC of this request. A replay has the same.
        mac: [u8; 32],
    },
}
