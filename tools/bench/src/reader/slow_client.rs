//! A client that reads a stream at 10 KB/s must hold neither a snapshot nor a connection.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use test_kit::postgres::sql;

use super::{
    http::Client,
    pages::milliseconds,
    system::{PATH, System},
};
use crate::intake::quantile;

const PIECE: u64 = 1000;
const BETWEEN_PIECES: Duration = Duration::from_millis(100);
const BETWEEN_LOOKS: Duration = Duration::from_millis(100);
/// Until the buffers between reader and client are full, the stream is not slow.
const FILLS_BUFFERS: Duration = Duration::from_secs(3);

#[derive(Default)]
pub struct SlowClient {
    /// The oldest transaction that was seen, in s.
    pub oldest_transaction: f64,
    /// How often a session of the reader was busy, once the buffers were full.
    pub busy_share: f64,
    /// p99 of a page of another client, though the reader has one connection for rows alone, in ms.
    pub page_p99: f64,
}

/// Sessions of the reader; ours run this query or come from psql.
const SESSIONS: &str = "select coalesce(extract(epoch from max(clock_timestamp() - xact_start)), 0) || ' ' || \
     count(*) filter (where state <> 'idle') \
     from pg_stat_activity where backend_type = 'client backend' and datname = current_database() \
     and application_name not in ('psql') and pid <> pg_backend_pid()";

pub fn measure(system: &System) -> Result<SlowClient> {
    let reader = system.reader(&[("READER_CONNECTIONS", "1")]);
    let stop = Arc::new(AtomicBool::new(false));
    let stream = {
        let (address, key, stop) = (reader.address(), system.key().to_owned(), Arc::clone(&stop));
        thread::spawn(move || read_slowly(address, &key, &stop))
    };
    let during = system.lab.seconds(30.0) + FILLS_BUFFERS;
    let (begun, mut oldest, mut looks, mut busy) = (Instant::now(), 0.0, 0.0, 0.0);
    while begun.elapsed() < during {
        let sessions = sql(&system.database, SESSIONS)?;
        let (age, active) = sessions.split_once(' ').context("two numbers")?;
        oldest = f64::max(oldest, age.parse()?);
        if begun.elapsed() > FILLS_BUFFERS {
            looks += 1.0;
            busy += if active == "0" { 0.0 } else { 1.0 };
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    let mut times = Vec::new();
    let mut other = system.client(&reader)?;
    for _ in 0..system.lab.amount(100) {
        let started = Instant::now();
        other.get(&format!("{PATH}?limit=100"), &[])?;
        times.push(milliseconds(started.elapsed()));
    }
    stop.store(true, Ordering::Relaxed);
    stream.join().expect("the slow client does not panic")?;
    let busy_share = busy / f64::max(looks, 1.0);
    Ok(SlowClient {
        oldest_transaction: oldest,
        busy_share,
        page_p99: quantile(&times, 0.99).unwrap_or_default(),
    })
}

fn read_slowly(address: SocketAddr, key: &str, stop: &AtomicBool) -> Result<()> {
    let mut client = Client::with_buffer(address, key, PIECE as usize)?;
    client.begin(&format!("{PATH}?format=csv"), &[])?;
    while !stop.load(Ordering::Relaxed) {
        client.skip(PIECE)?;
        thread::sleep(BETWEEN_PIECES);
    }
    Ok(())
}
