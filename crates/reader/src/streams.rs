//! How many streams there may be at the same time, and the room for their temporary files.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::Mutex;
use service::connections::{InFlight, Request};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{metrics, refusal::Refusal, settings::StreamSettings};

/// How many streams of one client there may be.
const MOST_OF_CLIENT: usize = 2;
const RETRY_AFTER: Duration = Duration::from_secs(5);

/// All streams. Clones share them.
#[derive(Clone)]
pub struct Streams(Arc<Inner>);

struct Inner {
    settings: StreamSettings,
    places: Arc<Semaphore>,
    by_client: Mutex<HashMap<String, usize>>,
    temp_bytes: AtomicU64,
    in_flight: InFlight,
    stop: CancellationToken,
    tasks: TaskTracker,
    runtime: Handle,
}

/// The place of one stream, until it is dropped.
pub struct Place {
    streams: Streams,
    client: String,
    _permit: OwnedSemaphorePermit,
    /// A stop waits for it.
    _request: Request,
}

/// The room that a temporary file takes, until it is dropped.
pub struct Room {
    streams: Streams,
    bytes: u64,
}

/// Why a temporary file gets no room.
pub enum NoRoom {
    /// It alone is too large.
    TooLarge(u64),
    /// Others take it at the moment.
    Taken,
}

impl Streams {
    /// To be called on the runtime of the process, which outlives those of the server. `stop` ends
    /// the streams that do not end by themselves in time.
    pub fn new(settings: StreamSettings, in_flight: InFlight, stop: CancellationToken) -> Self {
        let places = Arc::new(Semaphore::new(settings.streams));
        Self(Arc::new(Inner {
            settings,
            places,
            by_client: Mutex::default(),
            temp_bytes: AtomicU64::new(0),
            in_flight,
            stop,
            tasks: TaskTracker::new(),
            runtime: Handle::current(),
        }))
    }

    pub fn settings(&self) -> &StreamSettings {
        &self.0.settings
    }

    /// A place for one more stream of the client.
    ///
    /// # Errors
    /// All places, or those of the client, are taken.
    pub fn enter(&self, client: &str) -> Result<Place, Refusal> {
        let mut by_client = self.0.by_client.lock();
        let count = by_client.get(client).copied().unwrap_or_default();
        if count >= MOST_OF_CLIENT {
            return Err(Refusal::TooManyRequests(RETRY_AFTER));
        }
        let permit = Arc::clone(&self.0.places).try_acquire_owned();
        let permit = permit.map_err(|_| Refusal::Busy)?;
        by_client.insert(client.to_owned(), count + 1);
        metrics::set_streams(by_client.values().sum());
        Ok(Place {
            streams: self.clone(),
            client: client.to_owned(),
            _permit: permit,
            _request: self.0.in_flight.start(),
        })
    }

    /// Runs a stream, which outlives the request.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.0.tasks.spawn_on(task, &self.0.runtime);
    }

    /// Completes when streams have to end because of a stop.
    pub async fn must_end(&self) {
        self.0.stop.cancelled().await;
        tokio::time::sleep(self.0.settings.finish_within).await;
    }

    /// Waits until all streams have ended and are noted.
    pub async fn ended(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
    }

    /// Room for a file that is still empty.
    pub fn room(&self) -> Room {
        Room { streams: self.clone(), bytes: 0 }
    }
}

impl Room {
    /// Takes room for `bytes` more.
    ///
    /// # Errors
    /// There is none.
    pub fn grow(&mut self, bytes: u64) -> Result<(), NoRoom> {
        let most = self.streams.0.settings.temp_bytes;
        if self.bytes + bytes > most {
            return Err(NoRoom::TooLarge(most));
        }
        self.bytes += bytes;
        let taken = self.streams.0.temp_bytes.fetch_add(bytes, Ordering::SeqCst);
        if taken + bytes > most { Err(NoRoom::Taken) } else { Ok(()) }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.streams.0.temp_bytes.fetch_sub(self.bytes, Ordering::SeqCst);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut by_client = self.streams.0.by_client.lock();
        if let Some(count) = by_client.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                by_client.remove(&self.client);
            }
        }
        metrics::set_streams(by_client.values().sum());
    }
}
