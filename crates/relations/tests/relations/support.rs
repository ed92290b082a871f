//! A database with published relations.

use std::time::Duration;

use domain::FormType;
use relations::{Filter, Orientation, Page, PageOptions, Relation, RelationName, Selection};
use secrecy::SecretString;
use store::{Store, StoreSettings};
use test_kit::postgres::TestDatabase;

/// A table with a column of each type, as a dataset may have it.
const DATASET: &str = r#"
    CREATE SCHEMA "org.ds";
    CREATE TABLE "org.ds"."L0" (
        id bigint PRIMARY KEY, small smallint, whole integer, big bigint, price numeric(10, 2), n numeric,
        real real, double double precision, yes boolean, name text, code character varying(5), fixed character(3),
        day date, at timestamp, at_tz timestamptz, clock time, span interval, uuid uuid, bytes bytea, json jsonb,
        list text[], numbers numeric[], data_hash text);
    COMMENT ON COLUMN "org.ds"."L0".name IS 'What it is called';
    INSERT INTO relations VALUES ('org.ds', 'L0', 'id', 'a table');
"#;

pub struct Fixture {
    pub store: Store,
    pub database: TestDatabase,
}

pub fn fixture() -> Fixture {
    let database = TestDatabase::create();
    let store = Store::new(&StoreSettings::new(SecretString::from(database.url()))).unwrap();
    store.migrate().unwrap();
    database.sql(DATASET);
    Fixture { store, database }
}

impl Fixture {
    pub fn dataset(&self) -> Relation {
        self.relation("org.ds", "L0")
    }

    pub fn relation(&self, schema: &str, table: &str) -> Relation {
        let name = RelationName::new(schema, table);
        Relation::find(&self.store, &name, None).unwrap().expect("it is published")
    }

    /// Publishes a form type with these properties and inserts the submissions.
    pub fn submissions(&self, properties: &str, data: &[&str]) -> Relation {
        let schema = format!(r#"{{"type": "object", "properties": {{{properties}}}}}"#);
        self.store.publish(&[FormType::from_schema("registration", &schema).unwrap()]).unwrap();
        for data in data {
            let data = data.replace('\'', "''");
            self.database.sql(&format!(
                "INSERT INTO forms (form_type, data) VALUES ('registration', '{data}')"
            ));
        }
        while self.store.advance_watermark().unwrap().is_none_or(|step| step.waits.is_some()) {}
        self.relation("submissions", "registration")
    }

    pub fn page(&self, selection: &Selection, options: PageOptions) -> Page {
        selection.page(&self.store, &options).unwrap()
    }
}

/// The first page of everything, as records.
pub fn first_page() -> PageOptions {
    PageOptions {
        orientation: Orientation::Records,
        after: None,
        limit: 1000,
        bytes: 4 << 20,
        scan_rows: 100_000,
        numbers_as_text: false,
        statement: Duration::from_secs(5),
    }
}

pub fn selection(relation: Relation, columns: &[&str], filters: &[(&str, &str)]) -> Selection {
    let mut selection = Selection::all(relation);
    for (column, condition) in filters {
        let filter = Filter::parse(&selection.relation, column, column, condition).unwrap();
        selection.filters.push(filter);
    }
    if columns.is_empty() { selection } else { selection.of_columns("columns", columns).unwrap() }
}

pub fn text(page: &Page) -> String {
    String::from_utf8(page.rows.clone()).unwrap()
}
