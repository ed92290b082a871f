//! The reader, a proxy in front of it, or PostgreSQL is killed at a random byte of a stream. No client may then believe
//! that it has everything.

use std::{collections::BTreeMap, fmt, time::Duration};

use anyhow::{Context, Result, ensure};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    client::{Said, Taker},
    lab::{Credentials, Lab},
    relay::{Passed, Relay, Then},
};

const PATH: &str = "/api/v1/table-data/org.breaks/L0";

/// A row of these has about 1,000 bytes, which are hard to compress.
const ROWS: u32 = 16_000;

/// The rest of a stream after the byte at which it is held: more than the reader and the system can already have sent,
/// so that a kill cannot come too late.
const REST: u64 = 8 << 20;
/// A stream that has this much of it is long enough.
const SHORTEST: u64 = REST + (1 << 20);

/// Within this time each stream gets to the byte at which it is held.
const HELD_WITHIN: Duration = Duration::from_secs(120);

#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Determines the victims, the formats and the bytes.
    pub seed: u64,
    pub kills: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Victim {
    Reader,
    Proxy,
    Postgres,
}

/// What a client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    format: &'static str,
    taker: Taker,
    /// Whether curl asks for gzip.
    gzip: bool,
}

/// A stream that broke off.
#[derive(Clone, Debug)]
pub struct Broken {
    pub victim: Victim,
    pub taker: Taker,
    pub format: &'static str,
    pub at: u64,
    pub said: Said,
    export: String,
    /// As `exports/{id}` says at the end.
    pub state: String,
}

#[derive(Clone, Debug)]
pub struct Breaks {
    pub options: Options,
    pub broken: Vec<Broken>,
}

/// Kills, and asks every client each time.
pub fn run(lab: &mut Lab, options: Options, progress: impl Fn(usize)) -> Result<Breaks> {
    prepare(lab)?;
    let clients: BTreeMap<Taker, Credentials> = Taker::ALL
        .into_iter()
        .map(|taker| Ok((taker, lab.client(&taker.to_string())?)))
        .collect::<Result<_>>()?;
    let mut sizes = Sizes { clients: &clients, known: BTreeMap::new() };
    let mut rng = StdRng::seed_from_u64(options.seed);
    let mut broken = Vec::new();
    for number in 0..options.kills {
        // In turn, so that a few kills have all of them.
        let victim = [Victim::Reader, Victim::Proxy, Victim::Postgres][number % 3];
        let format = ["csv", "jsonl", "parquet"][rng.random_range(0..3)];
        let gzip = rng.random_bool(0.5);
        let mut held = Vec::new();
        for taker in Taker::ALL {
            let size = sizes.of(lab, Kind { format, taker, gzip })?;
            held.push((taker, rng.random_range(1..size - REST)));
        }
        let ended = kill_once(lab, victim, format, gzip, &held, &clients)
            .with_context(|| format!("kill {} of {victim}, {format}", number + 1))?;
        broken.extend(ended);
        progress(number + 1);
    }
    for stream in &mut broken {
        let client = clients.get(&stream.taker).context("every taker is a client")?;
        stream.state = final_state(lab, client, &stream.export)?;
    }
    Ok(Breaks { options, broken })
}

fn prepare(lab: &Lab) -> Result<()> {
    lab.sql(&format!(
        r#"CREATE SCHEMA "org.breaks";
           CREATE TABLE "org.breaks"."L0" (id bigint PRIMARY KEY, day date NOT NULL, text text NOT NULL);
           INSERT INTO "org.breaks"."L0"
               SELECT n, date '2020-01-01' + n % 1000,
                      (SELECT string_agg(encode(sha256(convert_to(n || ' ' || part, 'UTF8')), 'base64'), '')
                           FROM generate_series(1, 22) part)
                   FROM generate_series(1, {ROWS}) n;
           ANALYZE "org.breaks"."L0";
           INSERT INTO relations VALUES ('org.breaks', 'L0', 'id', 'a table')"#
    ))?;
    Ok(())
}

/// The sizes of whole streams. Each is downloaded once without a kill, which also shows that the client is content with
/// a stream that is whole.
struct Sizes<'a> {
    clients: &'a BTreeMap<Taker, Credentials>,
    known: BTreeMap<Kind, u64>,
}

impl Sizes<'_> {
    fn of(&mut self, lab: &Lab, kind: Kind) -> Result<u64> {
        // Only curl can choose.
        let kind = Kind { gzip: kind.gzip && kind.taker == Taker::Curl, ..kind };
        if let Some(size) = self.known.get(&kind) {
            return Ok(*size);
        }
        let Kind { format, taker, gzip } = kind;
        let client = self.clients.get(&taker).context("every taker is a client")?;
        let relay = Relay::before(lab.reader()?.address(), u64::MAX)?;
        let said = taker.start(&relay.url(&path(format)), client, format, gzip)?.end()?;
        ensure!(said == Said::Complete, "{taker} reports an error of a whole stream: {said:?}");
        let passed = relay.passed();
        let state = final_state(lab, client, &export_id(&passed)?)?;
        ensure!(state == "complete", "the export of a whole stream is {state}");
        ensure!(passed.bytes > SHORTEST, "a stream of {format} has only {} bytes", passed.bytes);
        self.known.insert(kind, passed.bytes);
        Ok(passed.bytes)
    }
}

fn kill_once(
    lab: &mut Lab,
    victim: Victim,
    format: &'static str,
    gzip: bool,
    held: &[(Taker, u64)],
    clients: &BTreeMap<Taker, Credentials>,
) -> Result<Vec<Broken>> {
    let mut streams = Vec::new();
    for (taker, at) in held {
        let client = clients.get(taker).context("every taker is a client")?;
        let relay = Relay::before(lab.reader()?.address(), *at)?;
        let taking = taker.start(&relay.url(&path(format)), client, format, gzip)?;
        streams.push((*taker, relay, taking));
    }
    for (taker, relay, _) in &streams {
        ensure!(relay.wait_until_held(HELD_WITHIN), "{taker}: {:?}", relay.passed());
    }
    match victim {
        Victim::Reader => lab.kill_reader(),
        Victim::Postgres => lab.kill_postgres(),
        Victim::Proxy => {}
    }
    let then = if victim == Victim::Proxy { Then::Die } else { Then::PassOn };
    streams.iter().for_each(|(_, relay, _)| relay.release(then));
    let mut broken = Vec::new();
    for (taker, relay, taking) in streams {
        let said = taking.end()?;
        let passed = relay.passed();
        let (at, export, state) = (passed.bytes, export_id(&passed)?, String::new());
        broken.push(Broken { victim, taker, format, at, said, export, state });
    }
    lab.start_postgres()?;
    lab.start_reader()?;
    Ok(broken)
}

/// What `exports/{id}` says once it says something else than `running`.
fn final_state(lab: &Lab, client: &Credentials, export: &str) -> Result<String> {
    let mut state = String::new();
    lab.wait("the export has ended", || {
        let record = lab.export(client, export)?;
        state = record.get("state").and_then(|state| state.as_str()).unwrap_or_default().to_owned();
        Ok(state != "running")
    })?;
    Ok(state)
}

fn path(format: &str) -> String {
    format!("{PATH}?format={format}")
}

fn export_id(passed: &Passed) -> Result<String> {
    let id = passed.header("export-id").map(str::to_owned);
    id.with_context(|| format!("the answer has no Export-Id: {:?}", passed.head))
}

impl Breaks {
    /// Streams that a client takes for whole, although they are not.
    pub fn unnoticed(&self) -> Vec<&Broken> {
        self.broken.iter().filter(|broken| broken.said == Said::Complete).collect()
    }

    /// Streams whose client could read in `exports/{id}` that they are whole.
    pub fn wrong_records(&self) -> Vec<&Broken> {
        self.broken.iter().filter(|broken| broken.state != "broken").collect()
    }

    pub fn is_kept(&self) -> bool {
        self.unnoticed().is_empty() && self.wrong_records().is_empty()
    }
}

impl fmt::Display for Victim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Reader => "the reader",
            Self::Proxy => "a proxy",
            Self::Postgres => "PostgreSQL",
        })
    }
}
