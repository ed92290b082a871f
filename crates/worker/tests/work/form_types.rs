//! Each form type has its own queues, and a worker consumes only the types in its settings.

use serde_json::json;
use test_kit::{Stack, sqs::Counts, stack::QUEUE};

const ENROLMENT: &str = r#"{"export_status": "YES", "company_name": "Example Limited", "company_number": "01234567",
    "date_of_creation": "2010-10-10", "sso_id": 1, "company_email": "test@example.com"}"#;

#[tokio::test]
async fn enrolments_and_forms_are_stored_under_their_type_and_set_aside_on_their_own_queue() {
    let stack = Stack::start();
    let worker = stack.ready_worker(&[("FORM_TYPES", "form,enrolment")]).await;
    stack.sqs.send("directory-enrolment", ENROLMENT, &[]).await;
    stack.sqs.send("directory-enrolment", r#"{"company_number": "1"}"#, &[]).await;
    stack.sqs.send(QUEUE, r#"{"data": 1}"#, &[]).await;
    stack.drained().await;
    stack.wait_for_counts("directory-enrolment", Counts::NONE).await;
    let rows =
        stack.database.sql("select form_type, data ? 'sso_id' from forms order by form_type");
    assert_eq!(rows, "enrolment|t\nform|f");
    let aside = stack.sqs.drain("directory-enrolment-invalid").await;
    assert_eq!(aside.len(), 1);
    assert!(aside[0].attributes["reason"].contains(" at "), "{:?}", aside[0].attributes);
    let page = worker.get("/healthcheck/ready/").await.json();
    assert_eq!(
        page,
        json!({ "status": "OK", "queue": "OK", "queue_enrolment": "OK", "database": "OK" })
    );
}

#[tokio::test]
async fn a_worker_consumes_only_the_form_types_in_its_settings() {
    let stack = Stack::start();
    let _worker = stack
        .ready_worker(&[("FORM_TYPES", "form,enrolment"), ("WORKER_FORM_TYPES", "enrolment")])
        .await;
    assert_eq!(stack.sqs.url(QUEUE).await, None);
    stack.sqs.send("directory-enrolment", ENROLMENT, &[]).await;
    stack.wait_for_rows(1).await;
    stack.wait_for_counts("directory-enrolment", Counts::NONE).await;
}
