//! The roles of `deploy/postgres/roles.sql`: the worker can store and keep, and nothing else.

mod reach;
mod readers;
mod server;

use server::{DENIED, Server, psql};
use test_kit::{
    Stack,
    forms::registration,
    postgres::way_back,
    sqs::Counts,
    stack::{INVALID, QUEUE},
    wait,
};

use super::old_database::{OLD_TABLE, old_insert};
use crate::{
    kept::KEEPS,
    metrics::{METRICS, metrics},
    operator::{command_for_kept, ended},
};

#[tokio::test]
async fn a_worker_with_the_restricted_role_can_store_and_keep_and_nothing_else() {
    let server = Server::start();
    server.make_roles();
    let stack = Stack::start();
    let url = server.url_as("form_worker");
    let variables = [("DATABASE_URL", url.as_str()), ("MIGRATE_ON_START", "false"), KEEPS];
    let (api, worker) = (stack.api(&[]), stack.worker(&variables));
    worker.logged("run `worker migrate`").await;
    server.migrate();
    server.make_roles();
    api.ready().await;
    worker.ready().await;

    for number in 0..20 {
        api.post_form(registration(number)).await.expect_status(202);
    }
    // The batch's statement cannot settle these two; store_form must find that the id is taken.
    let taken = [("id", "019dd6a3-0000-7000-8000-000000000001")];
    stack.sqs.send(QUEUE, r#"{"data":1}"#, &taken).await;
    stack.sqs.send(QUEUE, r#"{"data":2}"#, &taken).await;
    stack.sqs.send(QUEUE, "not a form", &[]).await;
    stack.drained().await;
    assert_eq!(server.admin("select count(*) from forms"), "21");
    let reasons = "select string_agg(reason, ' ' order by reason) from invalid_messages";
    wait::until_true("both are kept", async || server.admin(reasons) == "id_taken not_json").await;
    stack.wait_for_counts(INVALID, Counts::NONE).await;

    // The operator sends them back, and may change nothing else of them.
    let mut redrive = command_for_kept(&stack, "redrive");
    let ended =
        ended(redrive.env("DATABASE_URL", server.url_as("form_operator")).output().unwrap());
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let by_whom = "select count(*) from invalid_messages where times_sent = 1";
    assert_eq!(server.admin(by_whom), "2");
    for statement in [
        "update invalid_messages set body = ''",
        "update invalid_messages set reason = ''",
        "insert into invalid_messages default values",
        "delete from invalid_messages",
        "select keep_invalid('form', null, 'm', '', '', '', null)",
        "select lock_identity(null, 'm')",
    ] {
        assert_eq!(server.refusal("form_operator", statement), DENIED, "{statement}");
    }
    wait::until_true("both wait again", async || {
        server.admin(
            "select count(*) from invalid_messages where state = 'waiting' and times_seen = 2",
        ) == "2"
    })
    .await;
    stack.wait_for_counts(INVALID, Counts::NONE).await;

    for statement in [
        "alter table forms add column note text",
        "alter table forms owner to form_worker",
        "drop table forms",
        "truncate forms",
        "delete from forms",
        "update forms set data = '{}'",
        "create index on forms (created)",
        "create trigger t after insert on forms execute function suppress_redundant_updates_trigger()",
        "drop view form_form",
        "update form_form set data = '{}'",
        "drop function store_form",
        "select body from invalid_messages",
        "update invalid_messages set state = 'discarded'",
        "delete from invalid_messages",
        "create or replace function store_form(text, uuid, text, timestamptz, text) returns text language sql as ''''",
        "insert into __diesel_schema_migrations (version) values ('29991231000000')",
        "create table own (id int)",
        "create temporary table own (id int)",
        "create schema own",
        "set role form_migrator",
        "copy forms to program 'cat'",
    ] {
        assert_eq!(server.refusal("form_worker", statement), DENIED, "{statement}");
    }
    assert_eq!(server.admin("select count(*) from forms"), "21");
}

#[tokio::test]
async fn a_worker_that_may_not_ask_for_tombstones_stores_on_and_names_the_right_once() {
    let server = Server::start();
    server.make_roles();
    server.migrate();
    server.make_roles();
    server.admin(
        "select erase_submission('form', null, 'erased', 'request');
         revoke execute on function is_erased(uuid, text) from form_worker",
    );
    let stack = Stack::start();
    let url = server.url_as("form_worker");
    let variables = [("DATABASE_URL", url.as_str()), ("MIGRATE_ON_START", "false"), KEEPS, METRICS];
    let worker = stack.ready_worker(&variables).await;
    worker.logged("Give the worker's role EXECUTE on is_erased").await;
    let gauge = "form_data_recognises_erased";
    assert_eq!(metrics(&worker).await[gauge], 0.0);

    stack.queue_forms(0..3).await;
    for _ in 0..5 {
        stack.sqs.send(QUEUE, "not json", &[("original_message_id", "erased")]).await;
    }
    stack.drained().await;
    worker.logged("Set a message aside.").await;
    stack.wait_for_counts(INVALID, Counts::NONE).await;
    // keep_invalid asks too, with the rights of its owner.
    let kept = "select (select count(*) from forms where erased_at is null), (select count(*) from invalid_messages)";
    assert_eq!(server.admin(kept), "3|0");
    let log = worker.log();
    assert_eq!(log.matches("is_erased").count(), 1, "{log}");
    worker.ready().await;

    server.admin("grant execute on function is_erased(uuid, text) to form_worker");
    wait::until_true("it may ask", async || metrics(&worker).await[gauge] == 1.0).await;
}

#[test]
fn the_migrator_takes_over_the_2016_table_and_the_2016_worker_goes_on() {
    let server = Server::start();
    server.admin("create role service_of_2016 login password 'service_of_2016'");
    server.admin("grant create on schema public to service_of_2016");
    assert_eq!(server.refusal("service_of_2016", OLD_TABLE), "");
    for (number, step) in
        [Server::make_roles, Server::migrate, Server::make_roles].into_iter().enumerate()
    {
        step(&server);
        assert_eq!(
            server.refusal("service_of_2016", &old_insert(number)),
            "",
            "after step {number}"
        );
    }
    assert_eq!(server.refusal("service_of_2016", "select * from form_form"), "");
    assert_eq!(server.refusal("service_of_2016", "drop view form_form"), DENIED);
    assert_eq!(
        server.refusal("form_worker", "select store_form('form', null, 'm', null, '{}')"),
        ""
    );
    assert_eq!(server.refusal("form_worker", "delete from forms"), DENIED);
    assert_eq!(server.admin("select count(*) from forms"), "6");

    // And back, as docs/how-to/move-from-2016.md describes.
    let scripts: Vec<String> =
        way_back().iter().map(|script| script.display().to_string()).collect();
    let mut back = vec!["--single-transaction"];
    for script in &scripts {
        back.extend(["-f", script]);
    }
    back.extend(["-c", "delete from __diesel_schema_migrations"]);
    let output = psql(&server.url_as("form_migrator"), &back);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    server.admin("alter table form_form owner to service_of_2016");
    assert_eq!(server.refusal("service_of_2016", &old_insert(3)), "");
}
