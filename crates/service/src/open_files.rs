//! The limit on open files of the process; a connection is an open file too.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Open files other than the connections of clients: connections to SQS, the log, listeners.
const OTHER_FILES: u64 = 200;

/// Raises the soft limit, often 1024, to the hard limit of the machine. Warns if that is too low for this number of
/// connections.
pub fn raise_limit(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised =
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let allowed = if raised.is_ok() { limit.maximum } else { limit.current };
    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHER_FILES);
    if let Some(allowed) = allowed.filter(|allowed| *allowed < needed) {
        log::warn!(
            open_files = allowed, max_connections = connections;
            "The limit on open files is too low for this number of connections: raise the limit (ulimit -n), or lower \
             MAX_CONNECTIONS."
        );
    }
}
