//! What a stream costs the intake.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use anyhow::{Result, ensure};
use test_kit::Service;

use super::{
    http::Client,
    system::{PATH, System},
};
use crate::{
    intake::accepted_per_second,
    lab::QueueBuild,
    load::{self, Pace},
};

const SHARE: f64 = 0.3;
const CONNECTIONS: usize = 64;

#[derive(Default)]
pub struct Intake {
    /// Forms accepted per second at most.
    pub highest: f64,
    /// p99 of the answers to forms at 30 % of that, in ms, of each run.
    pub alone: Vec<f64>,
    pub with_stream: Vec<f64>,
}

impl Intake {
    /// Of each pair.
    pub fn ratios(&self) -> Vec<f64> {
        let pairs = self.with_stream.iter().zip(&self.alone);
        pairs.map(|(with_stream, alone)| with_stream / alone).collect()
    }
}

/// Measures pairs of runs, without and with a stream, in turn. A worker stores the forms meanwhile.
pub fn measure(system: &System, pairs: usize) -> Result<Intake> {
    let System { lab, revision, database, .. } = system;
    let mut intake = Intake { highest: highest(system)?, ..Intake::default() };
    let server = lab.queue_server(QueueBuild::Shipped, Duration::ZERO);
    let worker = lab.worker(revision, server.sqs.endpoint(), database, &[]);
    lab.wait(worker.ready());
    let api = lab.api(revision, server.sqs.endpoint());
    let reader = system.reader(&[]);
    let rate = SHARE * intake.highest;
    p99(system, &api, rate, 2.0)?;
    for pair in 0..pairs {
        let alone = || p99(system, &api, rate, 8.0);
        let beside_stream = || {
            let stop = Arc::new(AtomicBool::new(false));
            let stream = {
                let (address, key, stop) =
                    (reader.address(), system.key().to_owned(), Arc::clone(&stop));
                thread::spawn(move || keep_streaming(address, &key, &stop))
            };
            let measured = p99(system, &api, rate, 8.0);
            stop.store(true, Ordering::Relaxed);
            stream.join().expect("the client of the stream does not panic")?;
            measured
        };
        // Whoever runs second may meet a machine that is still busy.
        if pair % 2 == 0 {
            intake.alone.push(alone()?);
            intake.with_stream.push(beside_stream()?);
        } else {
            intake.with_stream.push(beside_stream()?);
            intake.alone.push(alone()?);
        }
    }
    Ok(intake)
}

fn highest(system: &System) -> Result<f64> {
    let server = system.lab.queue_server(QueueBuild::Shipped, Duration::ZERO);
    let api = system.lab.api(&system.revision, server.sqs.endpoint());
    accepted_per_second(&system.lab, &api)
}

fn p99(system: &System, api: &Service, rate: f64, seconds: f64) -> Result<f64> {
    let (lab, pace) = (&system.lab, Pace::PerSecond(rate));
    let run = load::run(api.address(), &lab.forms, CONNECTIONS, pace, lab.seconds(seconds));
    let outcome = lab.wait(run)?;
    ensure!(outcome.refused == 0, "{} forms were refused", outcome.refused);
    Ok(outcome.milliseconds(0.99))
}

/// Reads stream after stream, as fast as they come. The last one it leaves in the middle.
fn keep_streaming(address: SocketAddr, key: &str, stop: &AtomicBool) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        let mut client = Client::connect(address, key)?;
        client.drain_until(&format!("{PATH}?format=csv"), || stop.load(Ordering::Relaxed))?;
    }
    Ok(())
}
