//! Erased submissions do not come back, however often and in whatever way their messages arrive.

use test_kit::{
    Fault, Service, Signal, Stack,
    sqs::Counts,
    stack::{INVALID, QUEUE},
};

use crate::{kept::KEEPS, old_database::old_insert, operator::run_for_kept};

/// How often each of seven messages is delivered again: more than a thousand deliveries together.
const DELIVERIES: usize = 150;
/// How often a worker of an older release tries to store each.
const OLD_DELIVERIES: usize = 1000;
const FORM: &str = r#"{"data": "of a person"}"#;
const NOT_JSON: &str = "of a person who made no JSON";
const ONLY_EVER_INVALID: &str = "only-ever-invalid";
/// An invalid message with an id of ours, which is erased by that alone.
const KEPT_WITH_ID: (&str, &str) = ("019dd6a3-0000-7000-8000-000000000001", "kept-with-id");

const ROWS: &str = "select f from forms f order by id";
/// The rows that have content.
const CONTENT: &str = "select (select count(*) from forms where erased_at is null or data <> 'null'),
    (select count(*) from form_form),
    (select count(*) from invalid_messages where body <> '' or attributes <> '' or state <> 'discarded')";

/// The submissions that are erased.
struct Erased {
    /// The id of the one that was posted with a key.
    posted: String,
    /// The SQS message id of the message as it was in 2016.
    of_2016: String,
}

async fn post(api: &Service) -> String {
    let request = api.request("POST", "/form/").json(FORM).signed();
    request.header("Idempotency-Key", "key").send().await.expect_status(202).submission_id()
}

/// Stores two submissions, keeps a third one that is invalid, and erases them.
async fn erase_all(stack: &Stack, api: &Service) -> Erased {
    let posted = post(api).await;
    // The form of 2016 that the other tests insert as the worker of 2016 does.
    let of_2016 = stack.sqs.send(QUEUE, r#"{"data": 1}"#, &[]).await;
    stack.wait_for_rows(2).await;
    stack.drained().await;
    let (id, message_id) = KEPT_WITH_ID;
    stack.database.sql(&format!(
        "select keep_invalid('form', null, '{ONLY_EVER_INVALID}', '{NOT_JSON}', '{{}}', 'not_json', null);
         select keep_invalid('form', '{id}', '{message_id}', '{NOT_JSON}', '{{}}', 'not_json', null);
         select erase_submission('form', '{id}', null, 'request');
         select erase_submission('form', '{posted}', null, 'request');
         select erase_submission('form', null, '{of_2016}', 'request');
         select erase_submission('form', null, '{ONLY_EVER_INVALID}', 'request')"
    ));
    assert_eq!(stack.database.sql(CONTENT), "0|0|0");
    Erased { posted, of_2016 }
}

/// The messages of an erased submission, as they are when SQS delivers them.
fn messages(erased: &Erased) -> [(&'static str, Vec<(&'static str, &str)>); 7] {
    let first = "original_message_id";
    [
        (FORM, vec![("id", erased.posted.as_str())]),
        (r#"{"data": "corrected"}"#, vec![("id", erased.posted.as_str())]),
        (r#"{"data": 1}"#, vec![(first, erased.of_2016.as_str())]),
        (NOT_JSON, vec![(first, ONLY_EVER_INVALID)]),
        (NOT_JSON, vec![("id", KEPT_WITH_ID.0), (first, KEPT_WITH_ID.1)]),
        // This copy has lost its id.
        (NOT_JSON, vec![(first, KEPT_WITH_ID.1)]),
        (r#"{"data": "corrected"}"#, vec![(first, ONLY_EVER_INVALID)]),
    ]
}

async fn nothing_has_come_back(stack: &Stack, rows: &str) {
    stack.drained().await;
    stack.wait_for_counts(INVALID, Counts::NONE).await;
    assert_eq!(stack.database.sql(CONTENT), "0|0|0");
    assert_eq!(stack.database.sql(ROWS), rows);
}

#[tokio::test]
async fn erased_submissions_that_are_delivered_a_thousand_times_never_come_back() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    let workers = [stack.ready_worker(&[]).await, stack.ready_worker(&[KEEPS]).await];
    let erased = erase_all(&stack, &api).await;
    let rows = stack.database.sql(ROWS);

    // What a receive brings stays visible, so both workers get much of it.
    stack.sqs.fault(Fault::on("ReceiveMessage").duplicate().probability(0.2)).await;
    for _ in 0..DELIVERIES / 10 {
        for (body, attributes) in messages(&erased) {
            let sends = (0..10).map(|_| stack.sqs.send(QUEUE, body, &attributes));
            futures_util::future::join_all(sends).await;
        }
    }
    stack.sqs.no_faults().await;
    for _ in 0..20 {
        assert_eq!(post(&api).await, erased.posted);
    }
    nothing_has_come_back(&stack, &rows).await;

    for worker in workers {
        let (_, log) = worker.stop(Signal::Term);
        assert!(log.contains("already_stored="), "each worker has had some: {log}");
        assert!(!log.contains("Set a message aside."), "{log}");
    }
}

/// The worker of the last release is here in its statements.
#[tokio::test]
async fn erased_submissions_do_not_come_back_through_older_workers_or_the_invalid_queue() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    let _worker = stack.ready_worker(&[KEEPS]).await;
    super::finish_move::let_the_2016_worker_run(&stack);
    let erased = erase_all(&stack, &api).await;
    let rows = stack.database.sql(ROWS);
    let Erased { posted, of_2016 } = &erased;

    let insert = format!(
        "INSERT INTO forms (form_type, submission_id, sqs_message_id, received_at, data) \
         SELECT r.form_type, r.submission_id, r.sqs_message_id, r.received_at, r.data::jsonb FROM unnest(\
         ARRAY['form', 'form', 'form'], ARRAY['{posted}', NULL, NULL]::uuid[], \
         ARRAY['posted again', '{of_2016}', '{ONLY_EVER_INVALID}'], ARRAY[now(), NULL, NULL]::timestamptz[], \
         ARRAY['{FORM}', '{{\"data\": 1}}', '{FORM}']) \
         AS r (form_type, submission_id, sqs_message_id, received_at, data) \
         ON CONFLICT DO NOTHING RETURNING sqs_message_id;"
    );
    let mut statements = insert.replace(
        "ON CONFLICT DO",
        &format!("CROSS JOIN generate_series(1, {OLD_DELIVERIES}) ON CONFLICT DO"),
    );
    for (id, message_id) in [
        (format!("'{posted}'"), "posted again"),
        ("NULL".to_owned(), of_2016.as_str()),
        ("NULL".to_owned(), ONLY_EVER_INVALID),
        ("NULL".to_owned(), KEPT_WITH_ID.1),
    ] {
        statements += &format!(
            "SELECT DISTINCT store_form('form', {id}, '{message_id}', now(), '{FORM}') \
             FROM generate_series(1, {OLD_DELIVERIES});"
        );
    }
    assert_eq!(stack.database.sql(&statements), ["already_stored"; 4].join("\n"));
    for message_id in [of_2016, ONLY_EVER_INVALID, KEPT_WITH_ID.1] {
        let insert = old_insert(1).replace("by-old-1", message_id);
        let refusal = stack.database.try_sql(&insert).unwrap_err().to_string();
        assert!(refusal.contains("duplicate key value"), "{refusal}");
        let insert = insert.replace("returning form_form.id", "");
        stack.database.sql(&format!(
            "do $$ begin for n in 1..{OLD_DELIVERIES} loop \
                 begin {insert}; raise 'it came back'; exception when unique_violation then null; end; \
             end loop; end $$"
        ));
    }

    // They are on the invalid queue too, from before they were erased.
    for (body, mut attributes) in messages(&erased) {
        attributes.push(("reason", "not_json"));
        stack.sqs.send(INVALID, body, &attributes).await;
    }
    nothing_has_come_back(&stack, &rows).await;
}

#[tokio::test]
async fn a_message_that_is_erased_while_it_is_sent_back_is_not_stored() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[KEEPS]).await;
    stack.database.sql(&format!(
        "select keep_invalid('form', null, 'sent-back', '{FORM}', '{{}}', 'wrong_type', null)"
    ));
    worker.signal(Signal::Stop);
    let redrive = run_for_kept(&stack, "redrive");
    assert_eq!(redrive.status, Some(0), "{}", redrive.stderr);
    assert_ne!(stack.sqs.counts(QUEUE).await, Counts::NONE, "{}", redrive.stderr);
    stack.database.sql("select erase_submission('form', null, 'sent-back', 'request')");
    let rows = stack.database.sql(ROWS);
    worker.signal(Signal::Continue);
    nothing_has_come_back(&stack, &rows).await;
}

/// The question waits for a lock as long as the statement timeout. The message cannot wait for so long.
#[tokio::test]
async fn an_invalid_message_is_set_aside_if_the_database_does_not_say_in_time_whether_it_was_erased()
 {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[KEEPS]).await;
    stack.database.sql("select erase_submission('form', null, 'erased', 'request')");
    let lock = stack.database.lock("forms");
    stack.sqs.send(QUEUE, NOT_JSON, &[("original_message_id", "erased")]).await;
    worker.logged("Set a message aside.").await;
    let log = worker.log();
    assert!(log.contains("The database does not say which invalid messages"), "{log}");
    assert!(log.contains("no answer in time"), "{log}");
    assert!(!log.contains("statement timeout"), "{log}");

    drop(lock);
    stack.drained().await;
    stack.wait_for_counts(INVALID, Counts::NONE).await;
    assert_eq!(stack.database.sql("select count(*) from invalid_messages"), "0");
}
