//! `worker invalid list` and `worker redrive` for messages that are kept in the database.

use std::{process::Stdio, time::Duration};

use test_kit::{
    Fault, Signal, Stack,
    sqs::Counts,
    stack::{INVALID, QUEUE},
    wait,
};

use crate::{
    kept::{KEEPS, keeping, rows, until_rows},
    operator::{Ended, columns, command_for_kept, run_for_kept},
};

const ID: &str = "0199a7a1-5c3e-7d10-8000-0123456789ab";

fn succeeded(ended: Ended) -> String {
    assert_eq!(ended.status, Some(0), "{}{}", ended.stdout, ended.stderr);
    ended.stdout
}

/// A stack without a worker, in whose database these messages wait.
async fn with_kept(messages: &[(&str, &str)]) -> Stack {
    let (stack, worker) = keeping().await;
    for (id, body) in messages {
        stack.sqs.send(INVALID, body, &[("original_message_id", id), ("reason", "id_taken")]).await;
        wait::until_true("it is kept", async || rows(&stack).contains(id)).await;
    }
    stack.wait_for_counts(INVALID, Counts::NONE).await;
    worker.stop_while_others_run(Signal::Term).await;
    stack
}

#[tokio::test]
async fn each_message_is_one_line_and_its_content_is_shown_only_on_request() {
    let stack = with_kept(&[("first", "{\"canary\""), ("second", "[1.50,\n2]")]).await;
    let shown = succeeded(run_for_kept(&stack, "invalid list"));
    assert!(!shown.contains("canary"), "{shown}");
    let lines = columns(&shown);
    let of = |line: &[String]| [0, 2, 3, 4, 5].map(|column| line[column].clone()).join("|");
    assert_eq!(of(&lines[0]), "first|9|1|0|id_taken");
    assert_eq!(of(&lines[1]), "second|9|1|0|id_taken");
    let ended = run_for_kept(&stack, "invalid list --show");
    assert!(ended.stderr.contains("2 messages of form in the database."), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stdout.lines().skip(1).collect();
    assert_eq!((lines[1], lines[3]), (r#""{\"canary\"""#, "[1.50, 2]"));

    let unknown = run_for_kept(&stack, "invalid list --form-type enrolment");
    assert_eq!(unknown.status, Some(1));
    assert!(unknown.stderr.contains("there is no form type enrolment"), "{}", unknown.stderr);
    stack.database.sql("alter table invalid_messages rename to gone");
    let missing = run_for_kept(&stack, "invalid list");
    assert_eq!(missing.status, Some(1));
    assert!(missing.stderr.contains("the table invalid_messages"), "{}", missing.stderr);
}

#[tokio::test]
async fn a_message_that_fails_again_waits_again_and_is_stored_once_it_is_right() {
    let (stack, worker) = keeping().await;
    stack.database.sql("alter table forms add constraint c check (data->>'data' <> 'bad')");
    let first = stack.sqs.send(QUEUE, r#"{"data":"bad"}"#, &[("tenant", "a")]).await;
    until_rows(&stack, &format!("{first}|waiting|1|0|refused_by_postgresql 23514")).await;
    // Sent back too early.
    succeeded(run_for_kept(&stack, "redrive"));
    until_rows(&stack, &format!("{first}|waiting|2|1|refused_by_postgresql 23514")).await;
    // A late copy of its first delivery.
    stack.sqs.send(INVALID, r#"{"data":"bad"}"#, &[("original_message_id", &first)]).await;
    until_rows(&stack, &format!("{first}|waiting|3|1|refused_by_postgresql 23514")).await;

    stack.database.sql("alter table forms drop constraint c");
    let sent = columns(&succeeded(run_for_kept(&stack, "redrive")));
    assert_eq!((sent.len(), sent[0][0].as_str()), (1, first.as_str()));
    stack.wait_for_rows(1).await;
    stack.drained().await;
    assert_eq!(rows(&stack), format!("{first}|sent_back|3|2|refused_by_postgresql 23514"));
    assert_eq!(stack.database.sql("select sqs_message_id from forms"), first);
    // A late copy of the delivery before, and then one of what is stored by now.
    let copy = [("original_message_id", first.as_str()), ("times_sent", "1")];
    stack.sqs.send(INVALID, "other content", &copy).await;
    stack.sqs.send(INVALID, r#"{"data":"bad"}"#, &copy).await;
    wait::until_true("both are kept", async || {
        rows(&stack)
            == format!(
                "{first}|stored|4|2|refused_by_postgresql 23514\n{first}|waiting|1|0|no_reason"
            )
    })
    .await;
    drop(worker);
    stack.wait_for_counts(INVALID, Counts::NONE).await;
}

#[tokio::test]
async fn a_dry_run_sends_nothing_and_a_limit_sends_the_oldest() {
    let stack = with_kept(&[("1", "a"), ("2", "b"), ("3", "c")]).await;
    let ids = |shown: String| {
        columns(&shown).into_iter().map(|line| line[0].clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(ids(succeeded(run_for_kept(&stack, "redrive --dry-run --limit 2"))), "1 2");
    assert_eq!(stack.sqs.counts(QUEUE).await, Counts::NONE);
    assert_eq!(ids(succeeded(run_for_kept(&stack, "redrive --limit 2"))), "1 2");
    let mut sent = stack.sqs.drain(QUEUE).await;
    sent.sort_by(|a, b| a.body.cmp(&b.body));
    let attributes: Vec<_> = sent[0].attributes.iter().map(|(n, v)| format!("{n}={v}")).collect();
    assert_eq!(attributes, ["original_message_id=1", "times_sent=1"]);
    assert_eq!(sent.len(), 2);
    assert_eq!(
        rows(&stack),
        "1|sent_back|1|1|id_taken\n2|sent_back|1|1|id_taken\n3|waiting|1|0|id_taken"
    );
    assert_eq!(ids(succeeded(run_for_kept(&stack, "invalid list"))), "3");
}

#[tokio::test]
async fn a_redrive_killed_at_any_moment_stores_the_form_once_and_leaves_the_row_findable() {
    let stack = with_kept(&[("first", r#"{"data": 1}"#)]).await;
    // Before SQS has the message, after it has it, and while the row is being marked.
    for (round, fault) in [
        Fault::on("SendMessageBatch").hang(),
        Fault::on("SendMessageBatch").delay(Duration::from_secs(60)),
    ]
    .into_iter()
    .enumerate()
    {
        stack.sqs.fault(fault).await;
        let mut killed = command_for_kept(&stack, "redrive")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let counted = format!("first|waiting|1|{}|id_taken", round + 1);
        wait::until_true("it is counted", async || rows(&stack) == counted).await;
        if round == 1 {
            stack.wait_for_counts(QUEUE, Counts::visible(1)).await;
        }
        killed.kill().unwrap();
        killed.wait().unwrap();
        stack.sqs.no_faults().await;
        assert_eq!(rows(&stack), counted);
    }
    assert_eq!(columns(&succeeded(run_for_kept(&stack, "redrive"))).len(), 1);
    assert_eq!(stack.sqs.counts(QUEUE).await, Counts::visible(2));
    let _worker = stack.ready_worker(&[KEEPS]).await;
    stack.drained().await;
    assert_eq!(
        stack.database.sql("select sqs_message_id, data from forms"),
        r#"first|{"data": 1}"#
    );
    assert_eq!(rows(&stack), "first|sent_back|1|3|id_taken");
}

#[tokio::test]
async fn messages_that_sqs_refuses_wait_on_and_the_others_are_sent() {
    let stack = with_kept(&[("1", "a"), ("2", "b")]).await;
    stack.sqs.fault(Fault::on("SendMessageBatch").access_denied()).await;
    let denied = run_for_kept(&stack, "redrive");
    assert_eq!(denied.status, Some(1));
    assert!(
        denied.stderr.contains("access is denied") && denied.stderr.contains("Sent 0 messages"),
        "{}",
        denied.stderr
    );
    stack.sqs.no_faults().await;
    stack
        .sqs
        .fault(
            Fault::on("SendMessageBatch")
                .entries_fail([0], "InvalidMessageContents")
                .blamed_on_sender(),
        )
        .await;
    let refused = run_for_kept(&stack, "redrive");
    assert_eq!(refused.status, Some(1));
    assert!(refused.stderr.contains("waiting still: 1 message"), "{}", refused.stderr);
    assert_eq!(rows(&stack), "1|waiting|1|2|id_taken\n2|sent_back|1|2|id_taken");
    assert_eq!(stack.sqs.drain(QUEUE).await.len(), 1);
}

#[tokio::test]
async fn a_message_with_an_id_of_ours_keeps_it() {
    let (stack, _worker) = keeping().await;
    stack.sqs.send(INVALID, r#"{"data":1}"#, &[("id", ID), ("reason", "id_taken")]).await;
    until_rows(&stack, &format!("{ID}|waiting|1|0|id_taken")).await;
    for _ in 0..3 {
        run_for_kept(&stack, "redrive");
    }
    stack.wait_for_rows(1).await;
    stack.drained().await;
    assert_eq!(stack.database.sql("select submission_id from forms"), ID);
}
