//! How many files, connections among them, the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What a process has open beside its clients' connections: the ways to SQS, log, listeners.
const OTHERS: u64 = 200;

/// Allows as many as the machine does, where the usual 1024 are the soft limit alone; warns where that is too few for
/// so many connections.
pub fn raise_limit(connections: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised =
        setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let allowed = if raised.is_ok() { limit.maximum } else { limit.current };
    let needed = u64::try_from(connections).unwrap_or(u64::MAX).saturating_add(OTHERS);
    if let Some(allowed) = allowed.filter(|allowed| *allowed < needed) {
        log::warn!(
            "The process may not have enough files open for so many connections: raise the limit (ulimit -n), or lower \
             MAX_CONNECTIONS. open_files={allowed} max_connections={connections}"
        );
    }
}
