//! How much the api accepts, and how long its clients wait.

use std::{net::SocketAddr, process::Command, time::Duration};

use anyhow::{Result, ensure};
use test_kit::Service;

use crate::{
    lab::{Lab, QueueBuild, QueueServer, Revision, spawn},
    load::{self, Outcome, Pace},
    memory::{self, MemorySample, MemoryWatch},
    requests::{self, Messages, Requests},
};

/// The target is set for this number of connections.
const CONNECTIONS: usize = 64;
/// Connections of the open loop: more than are ever busy at these rates.
const OPEN_LOOP_CONNECTIONS: usize = 256;
/// Offered loads, as shares of the highest accepted rate.
const LOADS: [f64; 5] = [0.1, 0.3, 0.5, 0.7, 0.9];

/// Forms accepted per second, with the shipped queue server and by the null sink.
#[derive(Default)]
pub struct Throughput {
    /// Over 64 connections, the median of three runs.
    pub accepted: f64,
    /// The same for the null sink; the runs alternate.
    pub null_sink: f64,
    pub by_connections: Vec<AtConnections>,
    pub peak_mib: f64,
    /// The memory of the api while 64 connections were busy.
    pub memory: Vec<MemorySample>,
}

/// Forms accepted per second over this number of connections.
pub struct AtConnections {
    pub connections: usize,
    pub api: f64,
    pub null_sink: f64,
}

/// Latency and calls of the api at one round trip to the queue. The queue server counts calls.
#[derive(Default)]
pub struct Latency {
    /// The highest accepted rate per second.
    pub saturated_rate: f64,
    /// `SendMessageBatch` calls per submission at that rate.
    pub calls_when_saturated: f64,
    /// Medians over one connection.
    pub one_connection_p50: PostAndRawCall,
    /// Calls per submission at 500 submissions per second.
    pub calls_at_500: f64,
    /// 99th percentiles at 70 % of the highest rate.
    pub p99_at_70_percent: PostAndRawCall,
    pub by_load: Vec<AtLoad>,
    pub peak_mib: f64,
}

/// Latencies in ms: of a POST, and of a `SendMessageBatch` call that the load generator makes directly.
#[derive(Clone, Copy, Default)]
pub struct PostAndRawCall {
    pub post: f64,
    pub raw_call: f64,
}

/// Latencies in ms, and calls per submission, at one offered load.
pub struct AtLoad {
    /// Requests due per second.
    pub per_second: f64,
    pub p50: f64,
    pub p99: f64,
    pub p999: f64,
    pub calls: f64,
}

impl PostAndRawCall {
    /// What the api adds to the call.
    pub fn difference(self) -> f64 {
        self.post - self.raw_call
    }
}

/// Measures throughput over 64 connections, and then over each number of connections in `sweep`.
pub fn throughput(lab: &Lab, revision: &Revision, sweep: &[usize]) -> Result<Throughput> {
    let server = lab.queue_server(QueueBuild::Shipped, Duration::ZERO);
    let api = lab.api(revision, server.sqs.endpoint());
    let mut command = Command::new(std::env::current_exe()?);
    let null_sink = spawn("the null sink", command.arg("null-sink"), &[]);
    let rate = |service: &Service, connections, seconds| -> Result<f64> {
        Ok(saturate(lab, service, connections, lab.seconds(seconds))?.per_second)
    };
    // The first requests meet cold caches and queues that were only just found.
    rate(&api, CONNECTIONS, 1.0)?;
    rate(&null_sink, CONNECTIONS, 1.0)?;

    let watch = MemoryWatch::start(api.pid());
    let (mut of_api, mut of_null_sink) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        of_api.push(rate(&api, CONNECTIONS, 4.0)?);
        of_null_sink.push(rate(&null_sink, CONNECTIONS, 2.0)?);
    }
    let memory = watch.stop();
    let mut by_connections = Vec::new();
    for &connections in sweep {
        by_connections.push(AtConnections {
            connections,
            api: rate(&api, connections, 2.0)?,
            null_sink: rate(&null_sink, connections, 1.5)?,
        });
    }
    Ok(Throughput {
        accepted: median(of_api),
        null_sink: median(of_null_sink),
        by_connections,
        peak_mib: memory::peak(api.pid()),
        memory,
    })
}

/// Forms accepted per second over 64 connections, in one run of a warm api.
pub fn accepted_per_second(lab: &Lab, api: &Service) -> Result<f64> {
    saturate(lab, api, CONNECTIONS, lab.seconds(1.0))?;
    Ok(saturate(lab, api, CONNECTIONS, lab.seconds(4.0))?.per_second)
}

pub fn latency(lab: &Lab, revision: &Revision, round_trip: Duration) -> Result<Latency> {
    let server = lab.queue_server(QueueBuild::Hooked, round_trip);
    let api = lab.api(revision, server.sqs.endpoint());
    let intake = Intake { lab, server: &server, api: &api };
    saturate(lab, &api, CONNECTIONS, lab.seconds(1.0))?;

    // With a round trip it takes more connections to keep the api busy.
    let connections = if round_trip.is_zero() { CONNECTIONS } else { OPEN_LOOP_CONNECTIONS };
    let saturated = intake.count_calls(|| saturate(lab, &api, connections, lab.seconds(4.0)))?;
    let highest = saturated.outcome.per_second;
    let p99_at_70_percent = intake.p99_at(0.7 * highest)?;
    let calls_at_500 = intake.offer(500.0, 4.0)?.per_submission;
    let by_load = LOADS.iter().map(|share| intake.at_load(share * highest));
    Ok(Latency {
        saturated_rate: highest,
        calls_when_saturated: saturated.per_submission,
        calls_at_500,
        p99_at_70_percent,
        by_load: by_load.collect::<Result<_>>()?,
        one_connection_p50: intake.one_connection_p50()?,
        peak_mib: memory::peak(api.pid()),
    })
}

/// An api and the queue server that counts its calls.
struct Intake<'a> {
    lab: &'a Lab,
    server: &'a QueueServer,
    api: &'a Service,
}

/// A run, with the `SendMessageBatch` calls that it caused per submission.
struct CountedRun {
    outcome: Outcome,
    per_submission: f64,
}

impl Intake<'_> {
    fn count_calls(&self, run: impl FnOnce() -> Result<Outcome>) -> Result<CountedRun> {
        let calls = || self.lab.wait(self.server.sqs.requests("SendMessageBatch"));
        let before = calls();
        let outcome = run()?;
        let per_submission = (calls() - before) as f64 / outcome.accepted as f64;
        Ok(CountedRun { outcome, per_submission })
    }

    /// Offers forms at a fixed rate.
    fn offer(&self, rate: f64, seconds: f64) -> Result<CountedRun> {
        let during = self.lab.seconds(seconds);
        self.count_calls(|| offer(self.lab, self.api.address(), &self.lab.forms, rate, during))
    }

    fn at_load(&self, per_second: f64) -> Result<AtLoad> {
        let CountedRun { outcome, per_submission: calls } = self.offer(per_second, 4.0)?;
        let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|quantile| outcome.milliseconds(quantile));
        Ok(AtLoad { per_second, p50, p99, p999, calls })
    }

    /// Raw calls have the api's rate and number of entries.
    fn p99_at(&self, rate: f64) -> Result<PostAndRawCall> {
        let posts = self.offer(rate, 6.0)?;
        let calls = posts.per_submission;
        let entries = (1.0 / calls).round().clamp(1.0, 10.0) as usize;
        let (target, requests) = (self.server.address(), self.raw_calls(entries));
        let raw = offer(self.lab, target, &requests, rate * calls, self.lab.seconds(6.0))?;
        Ok(PostAndRawCall {
            post: posts.outcome.milliseconds(0.99),
            raw_call: raw.milliseconds(0.99),
        })
    }

    fn one_connection_p50(&self) -> Result<PostAndRawCall> {
        let during = self.lab.seconds(2.0);
        let posts = saturate(self.lab, self.api, 1, during)?;
        let requests = self.raw_calls(1);
        let raw = load::run(self.server.address(), &requests, 1, Pace::AsFastAsAnswered, during);
        let raw = self.lab.wait(raw)?;
        Ok(PostAndRawCall { post: posts.milliseconds(0.5), raw_call: raw.milliseconds(0.5) })
    }

    fn raw_calls(&self, entries: usize) -> Requests {
        let mut messages = Messages::with(requests::form);
        let call = |_| messages.send_batch(self.server.queue_url(), entries);
        Requests::new((0..200).map(call).collect())
    }
}

/// Keeps the connections busy with forms. An error if the service refuses one.
pub fn saturate(
    lab: &Lab,
    service: &Service,
    connections: usize,
    during: Duration,
) -> Result<Outcome> {
    let run = load::run(service.address(), &lab.forms, connections, Pace::AsFastAsAnswered, during);
    let outcome = lab.wait(run)?;
    ensure!(outcome.refused == 0, "{} forms were refused", outcome.refused);
    Ok(outcome)
}

fn offer(
    lab: &Lab,
    target: SocketAddr,
    requests: &Requests,
    rate: f64,
    during: Duration,
) -> Result<Outcome> {
    let run = load::run(target, requests, OPEN_LOOP_CONNECTIONS, Pace::PerSecond(rate), during);
    let outcome = lab.wait(run)?;
    let refused = outcome.refused;
    ensure!(refused == 0, "{refused} requests were refused at {rate:.0} per second");
    Ok(outcome)
}

pub fn median(values: Vec<f64>) -> f64 {
    quantile(&values, 0.5).unwrap_or_default()
}

/// The value that this share of the values does not exceed; `None` without values.
pub fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((sorted.len() as f64 * share) as usize).copied()
}
