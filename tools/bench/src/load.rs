//! The load generator: it makes requests at fixed times, or as fast as the server answers.
//!
//! In an open loop, latency is counted from the moment a request was due. If the server stops for a second, every
//! request of that second counts as late. (A closed loop would stop with the server and hardly notice: coordinated
//! omission.)

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use hdrhistogram::Histogram;
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};

use crate::{connection::Connection, requests::Requests};

/// How long we wait for missing answers.
const PATIENCE: Duration = Duration::from_secs(60);
const LONGEST_MICROSECONDS: u64 = 120_000_000;

/// When requests are made.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// An open loop: each request is due at a fixed time, even if earlier ones are not answered yet.
    PerSecond(f64),
    /// A closed loop: each connection makes its next request when it has the answer to the last.
    AsFastAsAnswered,
}

/// The result of a run.
pub struct Outcome {
    /// Answered with a status below 300.
    pub accepted: u64,
    /// Answered with any other status.
    pub refused: u64,
    /// Accepted per second, from the start to the last answer.
    pub per_second: f64,
    /// Request `n` of an open loop was due `n / rate` later.
    pub started: Instant,
    latency: Histogram<u64>,
}

impl Outcome {
    /// The latency that this share of the accepted requests did not exceed.
    pub fn milliseconds(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1000.0
    }
}

/// Makes requests over a number of connections, and returns when the last answer has arrived.
///
/// An error if the server does not listen, breaks a connection, or leaves a request unanswered for a minute.
pub async fn run(
    target: SocketAddr,
    requests: &Requests,
    connections: usize,
    pace: Pace,
    during: Duration,
) -> Result<Outcome> {
    let mut opened = Vec::with_capacity(connections);
    for _ in 0..connections {
        opened.push(Connection::open(target).await.context("cannot connect")?);
    }
    let started = Instant::now();
    let schedule = Arc::new(Schedule::new(pace, started, during));
    // A thread of its own, because tokio's timers are only exact to a millisecond.
    let pacer = thread::spawn({
        let schedule = Arc::clone(&schedule);
        move || schedule.release_due_requests()
    });
    let mut tasks = JoinSet::new();
    for connection in opened {
        tasks.spawn(send_requests(connection, requests.clone(), Arc::clone(&schedule)));
    }
    let mut total = Tally::new();
    let all_answered = async {
        while let Some(tally) = tasks.join_next().await {
            total.add(&tally??);
        }
        anyhow::Ok(())
    };
    timeout(during + PATIENCE, all_answered).await.context("a request was not answered")??;
    let seconds = started.elapsed().as_secs_f64();
    pacer.join().expect("the pacer does not panic");
    let Tally { accepted, refused, latency } = total;
    Ok(Outcome { accepted, refused, per_second: accepted as f64 / seconds, started, latency })
}

async fn send_requests(
    mut connection: Connection,
    requests: Requests,
    schedule: Arc<Schedule>,
) -> Result<Tally> {
    let mut tally = Tally::new();
    while let Some(DueRequest { number, due }) = schedule.next().await {
        let status = connection.exchange(requests.get(number)).await.context("a request failed")?;
        tally.count(status < 300, due.elapsed());
    }
    Ok(tally)
}

/// Hands out request numbers to connections as they become free.
struct Schedule {
    started: Instant,
    ends: Instant,
    /// `None` in a closed loop.
    open_loop: Option<OpenLoop>,
    next: AtomicU64,
}

struct OpenLoop {
    interval: Duration,
    count: u64,
    /// One permit for each request that is due and not yet made.
    due: Semaphore,
}

struct DueRequest {
    number: u64,
    due: Instant,
}

impl Schedule {
    fn new(pace: Pace, started: Instant, during: Duration) -> Self {
        let open_loop = match pace {
            Pace::AsFastAsAnswered => None,
            Pace::PerSecond(rate) => Some(OpenLoop {
                interval: Duration::from_secs_f64(1.0 / rate),
                count: (rate * during.as_secs_f64()) as u64,
                due: Semaphore::new(0),
            }),
        };
        Self { started, ends: started + during, open_loop, next: AtomicU64::new(0) }
    }

    /// Waits until a request is due; `None` at the end.
    async fn next(&self) -> Option<DueRequest> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        match &self.open_loop {
            None => {
                let now = Instant::now();
                (now < self.ends).then_some(DueRequest { number, due: now })
            }
            Some(open) if number < open.count => {
                open.due.acquire().await.ok()?.forget();
                Some(DueRequest { number, due: self.due(open, number) })
            }
            Some(_) => None,
        }
    }

    fn due(&self, open: &OpenLoop, number: u64) -> Instant {
        self.started + open.interval.mul_f64(number as f64)
    }

    /// Releases each request of an open loop when it is due.
    fn release_due_requests(&self) {
        let Some(open) = &self.open_loop else { return };
        let mut released = 0;
        while released < open.count {
            let next_due = self.due(open, released);
            thread::sleep(next_due.saturating_duration_since(Instant::now()));
            let due =
                (self.started.elapsed().as_secs_f64() / open.interval.as_secs_f64()) as u64 + 1;
            let due = due.clamp(released + 1, open.count);
            open.due.add_permits((due - released) as usize);
            released = due;
        }
    }
}

struct Tally {
    accepted: u64,
    refused: u64,
    /// In microseconds.
    latency: Histogram<u64>,
}

impl Tally {
    fn new() -> Self {
        let latency =
            Histogram::new_with_bounds(1, LONGEST_MICROSECONDS, 3).expect("the bounds are valid");
        Self { accepted: 0, refused: 0, latency }
    }

    fn count(&mut self, accepted: bool, latency: Duration) {
        if accepted {
            self.accepted += 1;
            self.latency.saturating_record(latency.as_micros() as u64);
        } else {
            self.refused += 1;
        }
    }

    fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.latency.add(&other.latency).expect("both histograms have the same bounds");
    }
}
