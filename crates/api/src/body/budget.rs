//! The bytes that all bodies together may have.
//!
//! Small bodies, as nearly all forms are, may take all of them. Large bodies may take three quarters,
//! or as much as the longest body needs if that is more. So large bodies that stall cannot keep out
//! small ones, unless the budget is hardly larger than the longest body. If there is no room, the
//! large body that arrives most slowly is dropped.

use std::sync::Arc;

use actix_web::web::BytesMut;
use metrics::Gauge;
use parking_lot::Mutex;
use tokio::{sync::Notify, time::Instant};

use super::pace::RecentRate;
use crate::metrics::body_bytes_gauge;

/// A body with more bytes is large.
pub const SMALL: usize = 64 << 10;

/// All bodies share it.
pub struct Budget {
    state: Mutex<State>,
    bytes_in_flight: Gauge,
}

struct State {
    free: usize,
    /// How much of `free` large bodies may take.
    free_for_large: usize,
    /// The large bodies that are arriving, and may be dropped.
    arriving: Vec<Arc<LargeBody>>,
}

/// A large body that is arriving.
pub struct LargeBody {
    /// `None` once it was dropped or is complete.
    ///
    /// A thread that holds this lock must not wait for the lock of [`Budget`].
    pub collected: Mutex<Option<Collected>>,
    pub dropped: Notify,
}

pub struct Collected {
    pub bytes: BytesMut,
    pub rate: RecentRate,
}

impl LargeBody {
    pub fn new(bytes: BytesMut) -> Arc<Self> {
        let collected = Collected { bytes, rate: RecentRate::new() };
        Arc::new(Self { collected: Mutex::new(Some(collected)), dropped: Notify::new() })
    }
}

/// The bytes that are taken, for a small body or for a large one.
#[derive(Clone, Copy)]
pub struct Request {
    pub bytes: usize,
    /// How many bytes to take from the share for large bodies. For a body that has just become
    /// large, this includes the bytes that it took while it was small.
    pub large_bytes: usize,
    /// The rate of this body. Only slower large bodies are dropped to make room for it; with
    /// `None`, any large body may be.
    pub rate: Option<f64>,
}

impl Budget {
    /// `longest` is the length of the longest body. The share for large bodies is never smaller.
    pub fn new(bytes: usize, longest: usize) -> Self {
        let reserve = (bytes / 4).min(bytes.saturating_sub(longest));
        let state = State { free: bytes, free_for_large: bytes - reserve, arriving: Vec::new() };
        Self { state: Mutex::new(state), bytes_in_flight: body_bytes_gauge() }
    }

    /// Takes bytes, and drops large bodies that are slower if there is no room. `false` if there is
    /// still no room.
    pub fn take(&self, request: Request) -> bool {
        let mut state = self.state.lock();
        while state.free < request.bytes || state.free_for_large < request.large_bytes {
            let Some(freed) = state.drop_slowest(request.rate) else { return false };
            self.bytes_in_flight.decrement(exact(freed));
        }
        state.free -= request.bytes;
        state.free_for_large -= request.large_bytes;
        self.bytes_in_flight.increment(exact(request.bytes));
        true
    }

    pub fn give_back(&self, bytes: usize, large_bytes: usize) {
        let mut state = self.state.lock();
        state.free += bytes;
        state.free_for_large += large_bytes;
        self.bytes_in_flight.decrement(exact(bytes));
    }

    pub fn has_begun(&self, body: &Arc<LargeBody>) {
        self.state.lock().arriving.push(Arc::clone(body));
    }

    /// The body is complete, or its reader gives up. From now on it cannot be dropped.
    pub fn has_ended(&self, body: &Arc<LargeBody>) {
        self.state.lock().arriving.retain(|arriving| !Arc::ptr_eq(arriving, body));
    }
}

impl State {
    /// Drops the slowest large body and gives the number of its bytes. `None` if all are faster
    /// than this rate, or began less than a second ago.
    fn drop_slowest(&mut self, rate: Option<f64>) -> Option<usize> {
        let now = Instant::now();
        let rates = self.arriving.iter().enumerate().filter_map(|(index, body)| {
            Some((index, body.collected.lock().as_ref()?.rate.at(now)?))
        });
        let (index, slowest) = rates.min_by(|(_, one), (_, other)| one.total_cmp(other))?;
        if rate.is_some_and(|rate| slowest >= rate) {
            return None;
        }
        let body = self.arriving.swap_remove(index);
        let bytes = body.collected.lock().take()?.bytes.len();
        body.dropped.notify_one();
        self.free += bytes;
        self.free_for_large += bytes;
        Some(bytes)
    }
}

/// A whole body's part of the bytes in flight, until it is dropped.
pub struct Share {
    budget: Arc<Budget>,
    bytes: usize,
    large_bytes: usize,
}

impl Share {
    pub fn new(budget: Arc<Budget>, bytes: usize, large_bytes: usize) -> Self {
        Self { budget, bytes, large_bytes }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.budget.give_back(self.bytes, self.large_bytes);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the bytes in flight are less than 2^53")]
fn exact(bytes: usize) -> f64 {
    bytes as f64
}
