//! The connections of the intake, and how they end.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use service::settings::ListenSettings;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    task::spawn_blocking,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::metrics::record_open_files;

/// A connection is closed if its client has not taken a byte of an answer for this long.
const TAKE_WITHIN: Duration = Duration::from_secs(30);

/// At a stop, clients have this long to take their answers, once all requests are answered.
const TAKE_AT_STOP_WITHIN: Duration = Duration::from_secs(3);

const LOOK_EVERY: Duration = Duration::from_millis(100);
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 2048;

/// Listens on every address of a name that this machine has: `localhost` may have one of IPv6 where
/// there is none. An accepted connection has the options of its listener.
///
/// # Errors
/// The name has no address, or none of them can be used.
pub fn listen(settings: &ListenSettings) -> io::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    let mut fault = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in settings.addresses()? {
        match listen_at(address) {
            Ok(listener) => listeners.push(listener),
            Err(error) => fault = error,
        }
    }
    if listeners.is_empty() { Err(fault) } else { Ok(listeners) }
}

fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    // Linux counts the time while the window of the client stays shut, too.
    socket.set_tcp_user_timeout(Some(TAKE_WITHIN))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Counts the open files for the metric. Never returns.
///
/// A counter in each connection would be exact, and would take 2 MiB for 10,000 connections.
pub async fn count_open_files() {
    loop {
        let count = spawn_blocking(|| fs::read_dir("/proc/self/fd").map(Iterator::count));
        if let Ok(Ok(count)) = count.await {
            record_open_files(count);
        }
        sleep(COUNT_EVERY).await;
    }
}

/// The number of requests that are not answered yet.
#[derive(Clone, Default)]
pub struct InFlight(Arc<AtomicUsize>);

/// A request in flight, until this value is dropped.
pub struct Request(InFlight);

impl InFlight {
    pub fn start(&self) -> Request {
        self.0.fetch_add(1, Ordering::Relaxed);
        Request(self.clone())
    }

    /// Waits until, after `stop`, only clients that do not take their answers keep connections open.
    pub async fn only_answers_are_left(&self, stop: &CancellationToken) {
        stop.cancelled().await;
        let mut idle_since = Instant::now();
        while idle_since.elapsed() < TAKE_AT_STOP_WITHIN {
            if self.0.load(Ordering::Relaxed) > 0 {
                idle_since = Instant::now();
            }
            sleep(LOOK_EVERY).await;
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}
