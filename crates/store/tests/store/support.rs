//! Gives each test a migrated database, a store and records.

use std::time::{Duration, Instant};

use diesel::{Connection, PgConnection, connection::SimpleConnection};
use domain::{FormType, Record};
use secrecy::SecretString;
use store::{
    Insertion, MessageIds, RowOutcome, RowOutcome::Undecided, Store, StoreSettings, Unavailable,
};
use test_kit::{SlowNetwork, postgres::TestDatabase};
use uuid::Uuid;

pub struct Fixture {
    pub store: Store,
    pub database: TestDatabase,
}

/// With the default settings.
pub fn fixture() -> Fixture {
    fixture_with(|_| {})
}

pub fn fixture_with(adjust: impl FnOnce(&mut StoreSettings)) -> Fixture {
    let database = TestDatabase::create();
    let fixture = Fixture { store: store_on(&database.url(), adjust), database };
    fixture.store.migrate().unwrap();
    fixture
}

pub fn store_on(url: &str, adjust: impl FnOnce(&mut StoreSettings)) -> Store {
    let mut settings = StoreSettings::new(SecretString::from(url));
    adjust(&mut settings);
    Store::new(&settings).unwrap()
}

impl Fixture {
    /// Makes the index with which the 2016 worker can insert, as on a database that had rows.
    pub fn for_2016(self) -> Self {
        self.store.index_message_ids(MessageIds::OfAllRows).unwrap();
        self
    }

    /// Another client's session.
    pub fn session(&self) -> PgConnection {
        PgConnection::establish(&self.database.url()).unwrap()
    }

    /// Another client's session in which these statements have run.
    pub fn session_that(&self, statements: &str) -> PgConnection {
        let mut session = self.session();
        session.batch_execute(statements).unwrap();
        session
    }

    /// A store on the same database with a network between them, and the network.
    pub fn far_away(&self, delay: Duration) -> (Store, SlowNetwork) {
        let url = self.database.url();
        let (credentials, rest) = url.split_once('@').unwrap();
        let (address, database) = rest.split_once('/').unwrap();
        let network = SlowNetwork::before(address.parse().unwrap(), delay);
        let url = format!("{credentials}@127.0.0.1:{}/{database}", network.port());
        // As the worker does.
        let store = store_on(&url, |settings| {
            settings.insert_limit = Duration::from_secs(8);
            settings.statement_timeout = Duration::from_secs(4);
        });
        (store, network)
    }

    pub fn rows(&self) -> u64 {
        self.database.sql("SELECT count(*) FROM forms").parse().unwrap()
    }

    /// Adds a trigger with this body, which can make the insert of a row fail.
    pub fn on_insert(&self, body: &str) {
        self.database.sql(&format!(
            "CREATE SEQUENCE attempts;
             CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NEW; END $$;
             CREATE TRIGGER trouble BEFORE INSERT ON forms FOR EACH ROW EXECUTE FUNCTION trouble();"
        ));
    }

    /// Waits until a statement of the store waits for a lock.
    pub fn wait_for_blocked(&self) {
        self.wait_for(
            "SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
        );
    }

    pub fn wait_for(&self, condition: &str) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.database.sql(condition) != "t" {
            assert!(Instant::now() < deadline, "never came true: {condition}");
        }
    }
}

pub const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// A submission from our own api, with ids made from `n`.
pub fn submission(n: u128, data: &str) -> Record {
    Record {
        form_type: "form".to_owned(),
        submission_id: Some(Uuid::from_u128(n)),
        sqs_message_id: format!("message-{n:04}"),
        received_at: Some("2026-11-21T01:02:03.456789Z".parse().unwrap()),
        data: data.to_owned(),
        schema_digest: Some(FormType::form().schema_digest()),
        traceparent: Some(TRACEPARENT.to_owned()),
    }
}

/// A message of the 2016 web server.
pub fn old_message(n: u128, data: &str) -> Record {
    Record {
        submission_id: None,
        received_at: None,
        schema_digest: None,
        traceparent: None,
        ..submission(n, data)
    }
}

/// Valid submissions, this many.
pub fn submissions(count: u128) -> Vec<Record> {
    (1..=count).map(|n| submission(n, &format!(r#"{{"data": {n}}}"#))).collect()
}

/// The outcomes of a call for which the database was available.
#[track_caller]
pub fn decided(insertion: Insertion) -> Vec<RowOutcome> {
    assert_eq!(insertion.unavailable, None);
    insertion.outcomes
}

#[track_caller]
pub fn refused(outcome: &RowOutcome) -> &str {
    match outcome {
        RowOutcome::Refused(code) => code.as_str(),
        other => panic!("not refused: {other:?}"),
    }
}

/// Why the database was unavailable to a call that stored nothing.
#[track_caller]
pub fn unavailable(insertion: Insertion) -> Unavailable {
    assert!(
        insertion.outcomes.iter().all(|outcome| *outcome == Undecided),
        "{:?}",
        insertion.outcomes
    );
    insertion.unavailable.unwrap()
}
