//! Who sent a request, by the scheme that its signature was checked with.

/// Who sent a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SentBy {
    /// Whoever knows the secret of the UI.
    Ui,
    /// A client with a Hawk key of its own.
    HawkClient {
        /// Its id.
        id: String,
        /// The MAC of this request; a replay has the same.
        mac: [u8; 32],
    },
}
