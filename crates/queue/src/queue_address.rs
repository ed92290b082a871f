//! Where the calls to a queue go.

use crate::connection::Connection;

/// A queue that was found, for the calls to it.
#[derive(Clone)]
pub(crate) struct QueueAddress {
    pub connection: Connection,
    /// With any prefix.
    pub name: String,
    pub url: String,
}
