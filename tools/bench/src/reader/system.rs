//! The table, and readers of it.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Result, bail, ensure};
use credentials::{ClientKey, CredentialsKey};
use domain::FormType;
use secrecy::ExposeSecret as _;
use store::{NewClient, NewKey, NewScope, Store};
use test_kit::Service;

use super::{
    Measured, Options,
    fill::{self, READ, SCHEMA},
    http::Client,
    psql::number,
};
use crate::{
    lab::{Lab, Revision, spawn},
    large::{room, table::FILLING},
    machine, table,
};

/// The settings of docs/how-to/tune-postgresql.md.
const SETTINGS: [(&str, &str); 3] =
    [("shared_buffers", "1GB"), ("max_wal_size", "8GB"), ("checkpoint_timeout", "15min")];

/// 32 bytes in base64.
const CREDENTIALS_KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
/// How many clients there are. Each has half of what all of them share at most.
pub const CLIENTS: usize = 8;
/// A measurement asks more often than one client should.
const REQUESTS_PER_MINUTE: (&str, &str) = ("READER_REQUESTS_PER_MINUTE", "1000000");
const WATERMARK_WITHIN: Duration = Duration::from_secs(60);

/// The relation that is read.
pub const RELATION: &str = "submissions.application";
/// Its path.
pub const PATH: &str = "/api/v1/table-data/submissions/application";

pub struct System {
    pub lab: Lab,
    pub revision: Revision,
    pub database: String,
    /// One key of each client. All of them may read everything.
    pub keys: Vec<String>,
}

impl System {
    /// Makes and fills the table.
    pub fn prepare(options: &Options) -> Result<(Self, Measured)> {
        room::check(options.rows)?;
        let mut lab = Lab::with_settings(options.programs.clone(), options.quick, &FILLING)?;
        let database = lab.empty_database()?;
        let store = lab.store(&database)?;
        store.migrate()?;
        eprintln!("… filling a table with {} rows", table::number(options.rows as f64));
        let started = Instant::now();
        fill::fill(&database, options.rows)?;
        let published = store.publish(&[FormType::from_schema(READ, SCHEMA)?])?;
        ensure!(published.failed.is_empty(), "a view could not be made");
        ensure!(store.index_relations()?.failed.is_empty(), "an index could not be built");
        let fill_seconds = started.elapsed().as_secs_f64();
        drop(store);
        lab.stop_postgres()?;
        lab.start_postgres(&SETTINGS)?;

        let store = lab.store(&database)?;
        show_rows(&store)?;
        let keys = (1..=CLIENTS).map(|number| add_client(&store, number)).collect::<Result<_>>()?;
        let measured = Measured {
            facts: machine::facts(&lab)?,
            rows: options.rows,
            rows_of_type: number(&database, &format!("select count(*) from {RELATION}"))? as u64,
            table_bytes: number(&database, "select pg_table_size('forms')")? as u64,
            fill_seconds,
            ..Measured::default()
        };
        let revision = Revision::current(&options.programs);
        let system = Self { lab, revision, database, keys };
        let large = system.number("select count(*) from submissions.dossier")? as u64;
        ensure!(large == fill::LARGE_ROWS, "{large} large rows are there");
        Ok((system, measured))
    }

    /// Starts a reader and waits until it is ready.
    pub fn reader(&self, variables: &[(&str, &str)]) -> Service {
        let usual = [
            ("DATABASE_URL", self.database.as_str()),
            ("CREDENTIALS_KEY", CREDENTIALS_KEY),
            // As in the images.
            ("MALLOC_ARENA_MAX", "2"),
            ("MALLOC_MMAP_THRESHOLD_", "131072"),
            REQUESTS_PER_MINUTE,
        ];
        let mut command = Command::new(self.revision.programs.join("reader"));
        let reader = spawn("reader", &mut command, &[&usual[..], variables].concat());
        self.lab.wait(reader.ready());
        reader
    }

    pub fn client(&self, reader: &Service) -> Result<Client> {
        Client::connect(reader.address(), self.key())
    }

    /// The key of the first client.
    pub fn key(&self) -> &str {
        self.keys.first().map_or("", String::as_str)
    }

    /// A number that PostgreSQL answers with.
    pub fn number(&self, query: &str) -> Result<i64> {
        number(&self.database, query)
    }

    /// The id after which there are so many rows.
    pub fn before_last(&self, rows: u64) -> Result<i64> {
        self.number(&format!("select id from {RELATION} order by id desc offset {rows} limit 1"))
    }
}

/// Moves the watermark to the last row.
fn show_rows(store: &Store) -> Result<()> {
    let begun = Instant::now();
    while begun.elapsed() < WATERMARK_WITHIN {
        if store.advance_watermark()?.is_some_and(|step| step.id > 0 && step.waits.is_none()) {
            return Ok(());
        }
    }
    bail!("the watermark does not move")
}

fn add_client(store: &Store, number: usize) -> Result<String> {
    let id = format!("bench-{number}");
    let key = ClientKey::generate()?;
    let credentials = CredentialsKey::new(&CREDENTIALS_KEY.into(), None)?;
    let ciphertext = credentials.seal(&id, key.id(), key.text())?;
    let client = NewClient {
        id: &id,
        description: "",
        key: NewKey { id: key.id(), ciphertext: &ciphertext, imported: false },
        scopes: &[NewScope { pattern: "*/*".to_owned(), columns: None }],
    };
    ensure!(store.add_client(&client, "bench")?, "the client is there already");
    Ok(key.text().expose_secret().to_owned())
}
