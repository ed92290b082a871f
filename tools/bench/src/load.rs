//! The load generator: requests that are due at fixed times, or as many as will go.
//!
//! In an open loop the latency of a request is counted from when it was due, so that a server that stops for a second
//! is seen to have kept everybody waiting who came in that second. (A closed loop would wait with it, and hardly
//! notice: coordinated omission.)

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use hdrhistogram::Histogram;
use tokio::{sync::Semaphore, task::JoinSet, time::timeout};

use crate::{connection::Connection, requests::Requests};

/// The end of waiting for answers that do not come.
const PATIENCE: Duration = Duration::from_secs(60);
const LONGEST_MICROSECONDS: u64 = 120_000_000;

/// When requests are made.
#[derive(Clone, Copy, Debug)]
pub enum Pace {
    /// So many per second, each due at its time whatever became of the others.
    PerSecond(f64),
    /// Each connection makes the next when it has the answer to the last.
    AsFastAsAnswered,
}

/// What became of the requests of a run.
pub struct Outcome {
    /// Answered with a status below 300.
    pub accepted: u64,
    /// Answered otherwise.
    pub refused: u64,
    /// Accepted per second, from the start to the last answer.
    pub per_second: f64,
    /// When the run began: request `n` of an open loop was due `n / rate` later.
    pub started: Instant,
    latency: Histogram<u64>,
}

impl Outcome {
    /// The latency that this part of the accepted requests did not exceed, in milliseconds.
    pub fn milliseconds(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1000.0
    }
}

/// Makes requests over so many connections, and returns when the last answer is there.
///
/// # Errors
/// The server is not there, breaks a connection, or leaves a request unanswered for a minute.
pub async fn run(
    target: SocketAddr,
    requests: &Requests,
    connections: usize,
    pace: Pace,
    during: Duration,
) -> anyhow::Result<Outcome> {
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        open.push(Connection::open(target).await.context("no connection")?);
    }
    let started = Instant::now();
    let schedule = Arc::new(Schedule::new(pace, started, during));
    // A thread, because the timers of tokio are a millisecond coarse.
    let pacer = thread::spawn({
        let schedule = Arc::clone(&schedule);
        move || schedule.pace()
    });
    let mut tasks = JoinSet::new();
    for connection in open {
        tasks.spawn(make(connection, requests.clone(), Arc::clone(&schedule)));
    }
    let mut total = Tally::new();
    let all = async {
        while let Some(tally) = tasks.join_next().await {
            total.add(&tally??);
        }
        anyhow::Ok(())
    };
    timeout(during + PATIENCE, all).await.context("a request was not answered")??;
    let seconds = started.elapsed().as_secs_f64();
    pacer.join().expect("the pacer does not panic");
    let Tally { accepted, refused, latency } = total;
    Ok(Outcome { accepted, refused, per_second: accepted as f64 / seconds, started, latency })
}

async fn make(
    mut connection: Connection,
    requests: Requests,
    schedule: Arc<Schedule>,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::new();
    while let Some((number, due)) = schedule.next().await {
        let status = connection.exchange(requests.get(number)).await.context("a request")?;
        tally.count(status < 300, due.elapsed());
    }
    Ok(tally)
}

/// Who makes which request when. Numbers go to connections in the order in which these are free.
struct Schedule {
    started: Instant,
    ends: Instant,
    /// `None` in a closed loop.
    open: Option<Open>,
    next: AtomicU64,
}

struct Open {
    interval: Duration,
    count: u64,
    /// One permit for each request that is due and not made.
    due: Semaphore,
}

impl Schedule {
    fn new(pace: Pace, started: Instant, during: Duration) -> Self {
        let open = match pace {
            Pace::AsFastAsAnswered => None,
            Pace::PerSecond(rate) => Some(Open {
                interval: Duration::from_secs_f64(1.0 / rate),
                count: (rate * during.as_secs_f64()) as u64,
                due: Semaphore::new(0),
            }),
        };
        Self { started, ends: started + during, open, next: AtomicU64::new(0) }
    }

    /// Waits until a request is due; its number, and when it was due. `None` at the end.
    async fn next(&self) -> Option<(u64, Instant)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        match &self.open {
            None => {
                let now = Instant::now();
                (now < self.ends).then_some((number, now))
            }
            Some(open) if number < open.count => {
                open.due.acquire().await.ok()?.forget();
                Some((number, self.started + open.interval.mul_f64(number as f64)))
            }
            Some(_) => None,
        }
    }

    /// Lets each request go when it is due.
    fn pace(&self) {
        let Some(open) = &self.open else { return };
        let mut gone = 0;
        while gone < open.count {
            let next_due = self.started + open.interval.mul_f64(gone as f64);
            thread::sleep(next_due.saturating_duration_since(Instant::now()));
            let due =
                (self.started.elapsed().as_secs_f64() / open.interval.as_secs_f64()) as u64 + 1;
            let due = due.clamp(gone + 1, open.count);
            open.due.add_permits((due - gone) as usize);
            gone = due;
        }
    }
}

struct Tally {
    accepted: u64,
    refused: u64,
    /// Microseconds.
    latency: Histogram<u64>,
}

impl Tally {
    fn new() -> Self {
        let latency = Histogram::new_with_bounds(1, LONGEST_MICROSECONDS, 3)
            .expect("the bounds of a histogram");
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
        self.latency.add(&other.latency).expect("histograms of the same bounds");
    }
}
