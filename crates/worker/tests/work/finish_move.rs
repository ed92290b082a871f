//! `worker finish-move` and the way back, beside workers that store.

use std::{
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use test_kit::{
    Stack,
    program::{Output, Program, path_of},
    stack::QUEUE,
};

use super::{old_database::OLD_TABLE, operator::ended};

fn finish_move(stack: &Stack, arguments: &[&str]) -> Command {
    let mut command = Command::new(path_of("worker"));
    command.arg("finish-move").args(arguments).env_clear();
    command.env("DATABASE_URL", stack.database.url()).stdin(Stdio::null());
    command
}

/// A database that was empty refuses its inserts.
pub fn let_the_2016_worker_run(stack: &Stack) {
    succeeds(finish_move(stack, &["--back"]));
}

#[track_caller]
fn succeeds(mut command: Command) -> String {
    let ended = ended(command.output().unwrap());
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    ended.stderr
}

#[tokio::test(flavor = "multi_thread")]
async fn the_move_is_finished_and_taken_back_under_load_and_no_form_is_lost_or_doubled() {
    let stack = Stack::start();
    stack.database.sql(OLD_TABLE);
    let _workers = [stack.ready_worker(&[]).await, stack.ready_worker(&[]).await];
    let done = AtomicBool::new(false);
    let rounds = thread::scope(|scope| {
        let moving = scope.spawn(|| {
            let mut rounds = 0;
            while !done.load(Ordering::Relaxed) || rounds < 3 {
                succeeds(finish_move(&stack, &[]));
                succeeds(finish_move(&stack, &["--back"]));
                rounds += 1;
            }
            rounds
        });
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                for number in 0..200 {
                    send_to_both_workers(&stack, number).await;
                }
                stack.drained().await;
            });
        });
        done.store(true, Ordering::Relaxed);
        moving.join().unwrap()
    });
    assert!(rounds >= 3);
    let count = "select count(*), count(distinct data) from forms";
    assert_eq!(stack.database.sql(count), "202|202");
}

/// Some messages have no submission id, as in 2016, some are there twice, as after they were sent
/// back, and some are also stored by the 2016 worker, if the view lets it.
async fn send_to_both_workers(stack: &Stack, number: usize) {
    let body = format!(r#"{{"data": {}}}"#, number + 1000);
    let submission_id = format!("019dd6a3-0000-7000-8000-{number:012}");
    let id = [("id", submission_id.as_str())];
    let id = if number.is_multiple_of(5) { &id[..0] } else { &id };
    let message_id = stack.sqs.send(QUEUE, &body, id).await;
    if number.is_multiple_of(3) {
        let again = [id, &[("original_message_id", message_id.as_str())]].concat();
        stack.sqs.send(QUEUE, &body, &again).await;
    }
    if number.is_multiple_of(4) {
        // A unique violation, or refused, or stored.
        let insert = format!(
            "insert into form_form (created, data, sqs_message_id) values (now(), '{body}', '{message_id}')"
        );
        if let Err(error) = stack.database.try_sql(&insert) {
            let error = error.to_string();
            let is_expected =
                error.contains("duplicate key value") || error.contains("finish-move --back");
            assert!(is_expected, "{error}");
        }
    }
}

#[test]
fn a_transaction_that_holds_up_the_index_is_named_in_the_log() {
    let stack = Stack::start();
    stack.database.sql(OLD_TABLE);
    let mut migrate = Command::new(path_of("worker"));
    migrate.arg("migrate").env_clear().env("DATABASE_URL", stack.database.url());
    succeeds(migrate);
    // It uses no table of ours; PostgreSQL waits for its snapshot.
    let query = "begin isolation level repeatable read; select 1; select pg_sleep(600) as canary";
    let mut report = Command::new("psql");
    report.args([&stack.database.url(), "-c", query]).stdout(Stdio::null()).stderr(Stdio::null());
    let mut report = report.spawn().unwrap();
    let sleeping = "select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
    let pid = loop {
        let pid = stack.database.sql(sleeping);
        if !pid.is_empty() {
            break pid;
        }
        thread::sleep(Duration::from_millis(20));
    };

    let mut moving =
        Program::spawn("finish-move", &mut finish_move(&stack, &[]), Output::Captured).unwrap();
    let named = "An index waits until another transaction ends.";
    moving
        .wait_until(named, Duration::from_secs(60), |program| {
            program.log().contains(named).then_some(())
        })
        .unwrap();
    // Nobody waits meanwhile.
    let insert =
        "set lock_timeout = '500ms'; insert into form_form (created, data) values (now(), '{}')";
    stack.database.sql(insert);
    stack.database.sql(&format!("select pg_terminate_backend({pid})"));
    let (status, log) = moving.wait(Duration::from_secs(60)).unwrap();
    report.wait().unwrap();
    assert!(status.success(), "{log}");
    assert!(log.contains(&format!("pid={pid} ")) && log.contains("since=20"), "{log}");
    // PostgreSQL does not say of which worker it is.
    assert!(log.contains("A session that is none of ours may insert forms."), "{log}");
    assert!(log.contains("application=psql"), "{log}");
    assert!(log.contains("index=forms_sqs_message_id_alone_key"), "{log}");
    assert!(!log.contains("canary"), "no text of a query: {log}");
}

#[test]
fn the_2016_worker_is_told_the_command_that_lets_it_run_again() {
    let stack = Stack::start();
    let mut migrate = Command::new(path_of("worker"));
    migrate.arg("migrate").env_clear().env("DATABASE_URL", stack.database.url());
    succeeds(migrate);
    let insert =
        "insert into form_form (created, data, sqs_message_id) values (now(), '{}', 'of-2016')";
    let error = stack.database.try_sql(insert).unwrap_err().to_string();
    assert!(error.contains("run \"worker finish-move --back\" first"), "{error}");
    let log = succeeds(finish_move(&stack, &["--back"]));
    assert!(log.contains("The 2016 worker can run again"), "{log}");
    stack.database.sql(insert);
    let log = succeeds(finish_move(&stack, &[]));
    assert!(log.contains("The move from 2016 is finished"), "{log}");
    assert!(stack.database.try_sql(insert).is_err());
}
