//! The 2016 database, with the 2016 worker beside ours.

use std::process::Command;

use test_kit::{Signal, Stack, postgres::way_back, stack::QUEUE};

pub const OLD_TABLE: &str = r#"
    create table form_form (
        id serial primary key,
        created timestamptz not null,
        data jsonb not null,
        sqs_message_id varchar(255) null unique
    );
    insert into form_form (created, data, sqs_message_id) values
        ('2016-11-01 10:00:00+00', '{"data": 1}', 'old-1'),
        ('2016-11-02 10:00:00+00', '"{\"data\": 2}"', null);
"#;

/// The insert that Django made.
pub fn old_insert(number: usize) -> String {
    format!(
        "insert into form_form (created, data, sqs_message_id) values (now(), '{{\"data\": {number}}}', 'by-old-{number}') \
         returning form_form.id"
    )
}

#[tokio::test]
async fn both_workers_store_side_by_side_in_the_2016_table() {
    let stack = Stack::start();
    stack.database.sql(OLD_TABLE);
    let worker = stack.ready_worker(&[]).await;
    for number in 0..30 {
        let message_id =
            stack.sqs.send(QUEUE, &format!(r#"{{"data": "new {number}"}}"#), &[]).await;
        let id: usize = stack.database.sql(&old_insert(number)).parse().unwrap();
        assert!(id > 2, "ids continue after the old ones");
        if number == 29 {
            // If our worker has stored a message, the old worker's insert of it is a unique
            // violation.
            stack.drained().await;
            let same = old_insert(number).replace("by-old-29", &message_id);
            assert!(
                stack
                    .database
                    .try_sql(&same)
                    .unwrap_err()
                    .to_string()
                    .contains("duplicate key value")
            );
        }
    }
    assert_eq!(stack.database.sql("select count(*), count(distinct id) from form_form"), "62|62");
    assert_eq!(stack.rows(), 62);
    assert_eq!(
        stack.database.sql("select data from form_form where id <= 2 order by id"),
        "{\"data\": 1}\n\"{\\\"data\\\": 2}\""
    );

    // And back, as docs/how-to/move-from-2016.md describes.
    worker.stop(Signal::Term);
    let forget = "delete from __diesel_schema_migrations";
    let url = stack.database.url();
    let mut psql = Command::new("psql");
    psql.args([&url, "--quiet", "--set=ON_ERROR_STOP=1", "--single-transaction"]);
    for script in way_back() {
        psql.arg("-f").arg(script);
    }
    let psql = psql.args(["-c", forget]).status();
    assert!(psql.unwrap().success());
    assert_eq!(stack.database.sql("select to_regclass('forms') is null"), "t");
    assert!(stack.database.sql(&old_insert(100)).parse::<usize>().unwrap() > 62);
}
