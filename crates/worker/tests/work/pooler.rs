//! PgBouncer in transaction mode between the worker and PostgreSQL.

use std::process::Command;

use test_kit::{Stack, postgres::PgBouncer, program::path_of};

use super::database_unavailable::GATE_IS_SHUT;

#[tokio::test]
async fn workers_behind_a_pooler_in_transaction_mode_store_each_form_once() {
    const FORMS: usize = 300;
    let stack = Stack::start();
    let pooler = PgBouncer::before(&stack.database.url(), "transaction");
    let url = pooler.url();
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("DATABASE_TRANSACTION_POOLING", "true"),
        ("WORKER_CONNECTIONS", "4"),
        ("WORKER_BATCH_ROWS", "10"),
    ];
    // It does not migrate through the pooler, and goes on once somebody else has migrated.
    let first = stack.worker(&variables);
    first.logged("migrations need a direct connection").await;
    let mut migrate = Command::new(path_of("worker"));
    let migrate = migrate.arg("migrate").env_clear().env("DATABASE_URL", stack.database.url());
    assert!(migrate.status().unwrap().success());
    first.ready().await;
    let second = stack.ready_worker(&variables).await;

    stack.queue_forms(0..FORMS).await;
    stack.drained().await;
    assert_eq!(stack.rows(), FORMS);
    for worker in [first, second] {
        assert!(!worker.log().contains(GATE_IS_SHUT), "{}", worker.log());
    }
    let sessions = "select count(*) <= 2 from pg_stat_activity \
                    where datname = current_database() and pid <> pg_backend_pid()";
    assert_eq!(stack.database.sql(sessions), "t");
}
