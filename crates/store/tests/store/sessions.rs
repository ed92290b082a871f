//! What our sessions set for themselves.

use std::time::Duration;

use domain::FormType;
use store::MessageIds::OfAllRows;
use test_kit::postgres::{PgBouncer, TestDatabase};

use crate::support::{decided, fixture, store_on, submissions};

const PAGE: &str = include_str!("../../../../docs/how-to/use-a-connection-pooler.md");

/// What every session sets, and what one that stores sets besides.
const EVERYWHERE: [(&str, &str); 2] =
    [("client_connection_check_interval", "1s"), ("idle_in_transaction_session_timeout", "10s")];
const TO_STORE: [(&str, &str); 5] = [
    ("enable_seqscan", "off"),
    ("jit", "off"),
    ("plan_cache_mode", "force_generic_plan"),
    ("statement_timeout", "700ms"),
    ("synchronous_commit", "on"),
];

fn query(settings: &[(&str, &str)]) -> String {
    let shown = settings.iter().map(|(name, _)| format!("current_setting('{name}')"));
    format!("SELECT concat_ws('|', {})", shown.collect::<Vec<_>>().join(", "))
}

fn values(settings: &[(&str, &str)]) -> String {
    settings.iter().map(|(_, value)| *value).collect::<Vec<_>>().join("|")
}

#[test]
fn a_session_that_stores_sets_all_that_the_page_says_with_and_without_a_pooler() {
    let all = [&EVERYWHERE[..], &TO_STORE].concat();
    let f = fixture();
    let name = f.database.name();
    f.database.sql(&format!(
        "ALTER DATABASE {name} SET synchronous_commit = off; CREATE TABLE seen (seen text)"
    ));
    f.on_insert(&format!("INSERT INTO seen {};", query(&all)));
    let pooler = PgBouncer::before(&f.database.url(), "transaction");
    for (url, transaction_pooling, n) in [(f.database.url(), false, 1), (pooler.url(), true, 2)] {
        let store = store_on(&url, |settings| {
            settings.transaction_pooling = transaction_pooling;
            settings.statement_timeout = Duration::from_millis(700);
        });
        decided(store.insert_once(&submissions(n)));
    }
    assert_eq!(f.database.sql("SELECT DISTINCT seen FROM seen"), values(&all));
    // Another client of the pooler gets the same session.
    let shown = test_kit::postgres::sql(&pooler.url(), &query(&EVERYWHERE)).unwrap();
    assert_eq!(shown, "0|0");
    for (name, _) in all {
        assert!(PAGE.contains(&format!("`{name}`")), "the page does not name {name}");
    }
}

/// Each migration, view and index is made in a session outside the pool.
#[test]
fn the_sessions_outside_the_pool_end_when_they_are_abandoned() {
    let database = TestDatabase::create();
    let look = query(&EVERYWHERE);
    database.sql(&format!(
        "CREATE TABLE seen (query text, seen text);
         CREATE FUNCTION look() RETURNS event_trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO public.seen SELECT current_query(), ({look}); END $$;
         CREATE EVENT TRIGGER look ON ddl_command_start WHEN TAG IN ('CREATE TABLE', 'CREATE VIEW', 'CREATE INDEX') EXECUTE FUNCTION look()"
    ));
    let store = store_on(&database.url(), |_| {});
    store.migrate().unwrap();
    store.publish(&[FormType::form()]).unwrap();
    store.index_message_ids(OfAllRows).unwrap();
    for part in ["CREATE TABLE", "CREATE OR REPLACE VIEW", "CREATE UNIQUE INDEX CONCURRENTLY"] {
        let seen =
            database.sql(&format!("SELECT DISTINCT seen FROM seen WHERE query LIKE '%{part}%'"));
        assert_eq!(seen, values(&EVERYWHERE), "{part}");
    }
}
