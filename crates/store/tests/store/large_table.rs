//! The way in steps to adopt a large table of 2016, with the commands of the page.

use crate::{
    adoption::{OLD_INSERT, SHAPE, old_database, shape},
    support::{decided, old_message, store_on, submission},
};
use store::RowOutcome::{AlreadyStored, Stored};

const PAGE: &str = include_str!("../../../../docs/how-to/move-from-2016.md");

const ROWS: &str = "INSERT INTO form_form (created, data, sqs_message_id)
    SELECT now(), jsonb_build_object('data', n), 'old-' || n FROM generate_series(1, 25000) n;
    DELETE FROM form_form WHERE id % 7 = 0;";

/// Names the file of the table. PostgreSQL writes a new one when it rewrites the table.
const FILE: &str =
    "SELECT relfilenode FROM pg_class WHERE relname IN ('form_form', 'forms') AND relkind = 'r'";

/// The SQL of the page's section, a command each.
fn commands() -> Vec<&'static str> {
    let section = PAGE.split("\n## A large table\n").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    section.split("```sql\n").skip(1).map(|block| block.split("```").next().unwrap()).collect()
}

#[test]
fn without_the_steps_the_migration_rewrites_the_table() {
    let database = old_database(ROWS);
    let file = database.sql(FILE);
    store_on(&database.url(), |_| {}).migrate().unwrap();
    assert_ne!(database.sql(FILE), file);
}

#[test]
fn after_the_steps_the_migration_does_not_rewrite_the_table() {
    let database = old_database(ROWS);
    let file = database.sql(FILE);
    let rows = database.sql("SELECT count(*), sum(id), sum((data->>'data')::int) FROM form_form");
    let commands = commands();
    assert_eq!(commands.len(), 6, "{commands:?}");
    let mut by_old_worker = Vec::new();
    for (step, command) in commands.iter().enumerate() {
        database.sql(command);
        // The old worker goes on between the steps.
        let insert = OLD_INSERT.replace("old-4", &format!("between-{step}"));
        by_old_worker.push(database.sql(&insert));
    }
    assert_eq!(by_old_worker, ["25001", "25002", "25003", "25004", "25005", "25006"]);

    let store = store_on(&database.url(), |_| {});
    store.migrate().unwrap();
    assert_eq!(database.sql(FILE), file);
    database.sql("DROP INDEX forms_sqs_message_id_5b7a2c1d_like");
    assert_eq!(shape(&database), SHAPE);
    let old_rows =
        "SELECT count(*), sum(id), sum((data->>'data')::int) FROM forms WHERE id <= 25000";
    assert_eq!(database.sql(old_rows), rows);
    let message = domain::Record {
        sqs_message_id: "between-0".to_owned(),
        ..old_message(1, r#"{"data": 4}"#)
    };
    assert_eq!(
        decided(store.insert_once(&[message, submission(2, "{}")])),
        [AlreadyStored, Stored]
    );
    assert_eq!(database.sql("SELECT max(id) > 25006 FROM forms"), "t");
    let leftovers = "SELECT count(*) FROM pg_proc WHERE proname LIKE 'form_form%'";
    assert_eq!(database.sql(leftovers), "0");
}

#[test]
fn a_step_that_is_run_again_after_it_was_interrupted_goes_on() {
    let database = old_database(ROWS);
    let [prepare, fill, ..] = *commands() else { panic!("the page has lost its commands") };
    database.sql(prepare);
    database.sql("UPDATE form_form SET new_id = id WHERE id <= 3000");
    database.sql(fill);
    assert_eq!(
        database.sql("SELECT count(*) FROM form_form WHERE new_id IS DISTINCT FROM id"),
        "0"
    );
}
