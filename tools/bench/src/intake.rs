//! What the intake takes, and how long it lets its clients wait.

use std::{process::Command, time::Duration};

use anyhow::ensure;
use test_kit::Service;

use crate::{
    load::{self, Outcome, Pace},
    memory::{self, Watch},
    requests::{Messages, Requests},
    surroundings::{Build, Ground, QueueServer, Side, address, spawn},
};

/// The connections of the target.
const CONNECTIONS: usize = 64;
/// Connections of the open loop: more than are ever busy at the rates here.
const OPEN: usize = 256;
/// Of what is accepted at most.
const STEPS: [f64; 5] = [0.1, 0.3, 0.5, 0.7, 0.9];

/// Throughput on the shipped queue server, next to the null sink.
pub struct Throughput {
    /// Accepted per second over 64 connections, the median of three runs.
    pub accepted: f64,
    /// The same by the null sink, runs interleaved.
    pub null_sink: f64,
    /// Connections, accepted per second by the api, and by the null sink.
    pub by_connections: Vec<(usize, f64, f64)>,
    /// The most resident memory of the api, in MiB.
    pub peak_mib: f64,
    /// Seconds and MiB, while 64 connections were busy.
    pub memory: Vec<(f64, f64)>,
}

/// What the api does at one round trip to SQS, on the queue server that counts.
pub struct Waiting {
    /// Accepted per second at the most.
    pub accepted: f64,
    /// `SendMessageBatch` calls per submission then.
    pub calls_at_most: f64,
    /// The median over one connection, in ms, of a POST and of a `SendMessageBatch` with one entry.
    pub one_connection: (f64, f64),
    /// Calls per submission at 500 per second.
    pub calls_at_500: f64,
    /// At 70 % of the most, the 99th percentile in ms, of POSTs and of direct calls at the rate and size of the api's.
    pub at_70: (f64, f64),
    /// At shares of the most.
    pub steps: Vec<Step>,
    /// The most resident memory of the api, in MiB.
    pub peak_mib: f64,
}

/// One offered load.
pub struct Step {
    /// Requests due per second.
    pub per_second: f64,
    /// Latency in ms.
    pub p50: f64,
    /// Latency in ms.
    pub p99: f64,
    /// Latency in ms.
    pub p999: f64,
    /// `SendMessageBatch` calls per submission.
    pub calls: f64,
}

/// Measures throughput; the sweep over connections takes time and is for one side only.
///
/// # Errors
/// Something does not answer.
pub fn throughput(ground: &Ground, side: &Side, sweep: &[usize]) -> anyhow::Result<Throughput> {
    let server = ground.queue_server(Build::Shipped, Duration::ZERO);
    let api = ground.api(side, server.sqs.endpoint());
    let mut command = Command::new(std::env::current_exe()?);
    let null_sink = spawn("the null sink", command.arg("null-sink"), &[]);
    let busy = |service: &Service, connections, seconds| -> anyhow::Result<f64> {
        Ok(saturate(ground, service, connections, ground.seconds(seconds))?.per_second)
    };
    // The first requests find cold caches and queues that have just been found.
    busy(&api, CONNECTIONS, 1.0)?;
    busy(&null_sink, CONNECTIONS, 1.0)?;

    let watch = Watch::begin(api.pid());
    let (mut accepted, mut null) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        accepted.push(busy(&api, CONNECTIONS, 4.0)?);
        null.push(busy(&null_sink, CONNECTIONS, 2.0)?);
    }
    let memory = watch.end();
    let by_connections: anyhow::Result<_> = sweep
        .iter()
        .map(|connections| {
            Ok((*connections, busy(&api, *connections, 2.0)?, busy(&null_sink, *connections, 1.5)?))
        })
        .collect();
    Ok(Throughput {
        accepted: median(accepted),
        null_sink: median(null),
        by_connections: by_connections?,
        peak_mib: memory::peak(api.pid()),
        memory,
    })
}

/// Measures latency and calls at this round trip.
///
/// # Errors
/// Something does not answer.
pub fn waiting(ground: &Ground, side: &Side, round_trip: Duration) -> anyhow::Result<Waiting> {
    let server = ground.queue_server(Build::Hooked, round_trip);
    let api = ground.api(side, server.sqs.endpoint());
    saturate(ground, &api, CONNECTIONS, ground.seconds(1.0))?;

    // With a round trip it takes more connections to keep the api busy.
    let connections = if round_trip.is_zero() { CONNECTIONS } else { OPEN };
    let (most, calls_at_most) =
        counted(ground, &server, || saturate(ground, &api, connections, ground.seconds(4.0)))?;
    let open = |rate: f64, seconds: f64| {
        let run = || offer(ground, address(&api), &ground.forms, rate, ground.seconds(seconds));
        counted(ground, &server, run)
    };
    let (at_70, calls_at_70) = open(0.7 * most.per_second, 6.0)?;
    let raw = {
        let entries = (1.0 / calls_at_70).round().clamp(1.0, 10.0) as usize;
        let rate = 0.7 * most.per_second * calls_at_70;
        offer(ground, server.address(), &batches(&server, entries), rate, ground.seconds(6.0))?
    };
    let (_, calls_at_500) = open(500.0, 4.0)?;
    let mut steps = Vec::new();
    for share in STEPS {
        let per_second = share * most.per_second;
        let (outcome, calls) = open(per_second, 4.0)?;
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|quantile| outcome.milliseconds(quantile));
        steps.push(Step { per_second, p50, p99, p999, calls });
    }
    let one_connection = {
        let ours = saturate(ground, &api, 1, ground.seconds(2.0))?;
        let raw = batches(&server, 1);
        let run = load::run(server.address(), &raw, 1, Pace::AsFastAsAnswered, ground.seconds(2.0));
        (ours.milliseconds(0.5), ground.wait(run)?.milliseconds(0.5))
    };
    Ok(Waiting {
        accepted: most.per_second,
        calls_at_most,
        one_connection,
        calls_at_500,
        at_70: (at_70.milliseconds(0.99), raw.milliseconds(0.99)),
        steps,
        peak_mib: memory::peak(api.pid()),
    })
}

/// Keeps so many connections busy with forms, none of which may be refused.
///
/// # Errors
/// One was, or something does not answer.
pub fn saturate(
    ground: &Ground,
    service: &Service,
    connections: usize,
    during: Duration,
) -> anyhow::Result<Outcome> {
    let run =
        load::run(address(service), &ground.forms, connections, Pace::AsFastAsAnswered, during);
    let outcome = ground.wait(run)?;
    ensure!(outcome.refused == 0, "{} forms were refused", outcome.refused);
    Ok(outcome)
}

fn offer(
    ground: &Ground,
    target: std::net::SocketAddr,
    requests: &Requests,
    rate: f64,
    during: Duration,
) -> anyhow::Result<Outcome> {
    let outcome = ground.wait(load::run(target, requests, OPEN, Pace::PerSecond(rate), during))?;
    ensure!(
        outcome.refused == 0,
        "{} requests were refused at {rate:.0} per second",
        outcome.refused
    );
    Ok(outcome)
}

/// A run with the `SendMessageBatch` calls that it made for each submission.
fn counted(
    ground: &Ground,
    server: &QueueServer,
    run: impl FnOnce() -> anyhow::Result<Outcome>,
) -> anyhow::Result<(Outcome, f64)> {
    let calls = || ground.wait(server.sqs.requests("SendMessageBatch"));
    let before = calls();
    let outcome = run()?;
    let made = calls() - before;
    let per_submission = made as f64 / outcome.accepted as f64;
    Ok((outcome, per_submission))
}

/// Direct calls with so many entries.
fn batches(server: &QueueServer, entries: usize) -> Requests {
    let mut messages = Messages::default();
    Requests::of((0..200).map(|_| messages.send_batch(server.queue_url(), entries)).collect())
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
