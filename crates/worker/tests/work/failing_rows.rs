//! A row that fails or waits does not stop the others.

use std::time::Duration;

use test_kit::{Signal, Stack, postgres::sql, sqs::Counts, stack::QUEUE, wait};

use super::{
    database_unavailable::GATE_IS_SHUT,
    metrics::{METRICS, metrics},
};

/// Neither the data nor the database is the reason: it is as if this one row had a lock timeout.
const ONE_ROW_FAILS: &str =
    "create function fail() returns trigger language plpgsql as $$ begin
       if new.data->>'data' = 'stuck' then raise exception 'canary' using errcode = 'lock_not_available'; end if;
       return new; end $$;
     create trigger fail before insert on forms for each row execute function fail()";

#[tokio::test]
async fn a_single_row_that_keeps_failing_is_released_and_the_others_are_stored() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[]).await;
    stack.database.sql(ONE_ROW_FAILS);
    stack.sqs.send(QUEUE, r#"{"data":"stuck"}"#, &[]).await;
    stack.queue_forms(0..9).await;
    wait::until_true("the others are stored", async || stack.rows() == 9).await;
    wait::until_true("only the stuck message is left on the queue", async || {
        let counts = stack.sqs.counts(QUEUE).await;
        counts.visible + counts.in_flight == 1
    })
    .await;
    stack.database.sql("drop trigger fail on forms");
    stack.drained().await;
    assert_eq!(stack.rows(), 10);
    assert!(!worker.log().contains(GATE_IS_SHUT), "{}", worker.log());
    assert!(!worker.log().contains("canary"), "{}", worker.log());
}

#[tokio::test]
async fn a_message_that_fails_for_the_tenth_time_comes_back_late_and_is_counted() {
    const FAILED: &str = "A row cannot be stored now, others can.";
    let stack = Stack::start();
    stack.ready_worker(&[]).await.stop_while_others_run(Signal::Term).await;
    stack.database.sql(ONE_ROW_FAILS);
    stack.sqs.send(QUEUE, r#"{"data":"stuck"}"#, &[]).await;
    for _ in 0..9 {
        assert_eq!(stack.sqs.receive(QUEUE, 0).await.len(), 1);
    }
    let worker = stack.ready_worker(&[METRICS]).await;
    worker.logged(FAILED).await;
    worker.logged("SQS has delivered a message often").await;
    wait::while_true("it does not come back", Duration::from_secs(15), async || {
        worker.log().matches(FAILED).count() == 1
    })
    .await;
    assert_eq!(stack.sqs.counts(QUEUE).await, Counts { visible: 0, in_flight: 1 });
    let often = r#"form_data_delivered_often_total{form_type="form"}"#;
    assert_eq!(metrics(&worker).await[often], 1.0);
    stack.expect_messages_left(QUEUE, 1);
}

#[tokio::test]
async fn deadlocks_and_serialisation_failures_are_retried_at_once() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[]).await;
    // The batch fails once and the row twice. A sequence keeps counting although the transaction is
    // rolled back.
    stack.database.sql(
        "create sequence tries;
         create function fail() returns trigger language plpgsql as $$ begin
           if nextval('tries') <= 3 then raise exception 'again' using errcode = new.data->>'data'; end if;
           return new; end $$;
         create trigger fail before insert on forms for each row execute function fail()",
    );
    for code in ["deadlock_detected", "serialization_failure"] {
        stack.database.sql("alter sequence tries restart");
        stack.sqs.send(QUEUE, &format!(r#"{{"data":"{code}"}}"#), &[]).await;
        stack.drained().await;
    }
    assert_eq!(stack.rows(), 2);
    let log = worker.log();
    assert!(log.contains("stored=1") && !log.contains("released=1"), "{log}");
}

#[tokio::test]
async fn a_row_that_waits_for_another_transaction_does_not_delay_the_others() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[]).await;
    worker.signal(Signal::Stop);
    let blocked = stack.sqs.send(QUEUE, r#"{"data":"blocked"}"#, &[]).await;
    stack.queue_forms(0..9).await;
    // Another transaction holds the key of the first row for longer than a batch may take.
    let held = format!(
        "begin; insert into forms (sqs_message_id, data) values ('{blocked}', '{{}}'); select pg_sleep(14); rollback"
    );
    let url = stack.database.url();
    let holding = std::thread::spawn(move || sql(&url, &held).unwrap());
    wait::until_true("the key is held", async || {
        let asleep =
            "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
        stack.database.sql(asleep) == "1"
    })
    .await;
    worker.signal(Signal::Continue);
    wait::until_true("the others are stored", async || stack.rows() == 9).await;
    assert!(!holding.is_finished(), "they waited for it");
    holding.join().unwrap();
    stack.drained().await;
    assert_eq!(stack.rows(), 10);
}
