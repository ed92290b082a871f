//! Readiness says quickly whether the api can accept any form, and asks SQS only if no form was
//! sent for a while.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_kit::{Fault, Service, Stack, forms::registration, stack::QUEUE, wait};

use crate::metrics::{METRICS, sample};

const BOTH: [(&str, &str); 2] = [("FORM_TYPES", "form,enrolment"), METRICS];
const ENROLMENTS: &str = "directory-enrolment";

/// A probe of Kubernetes waits for 5 s, and other servers for less.
const QUICK: Duration = Duration::from_millis(2500);

async fn readiness(api: &Service) -> (u16, Value) {
    let started = Instant::now();
    let page = api.get("/healthcheck/ready/").await;
    assert!(started.elapsed() < QUICK, "readiness took {:?}", started.elapsed());
    (page.status, page.json())
}

async fn queue_up(api: &Service, form_type: &str) -> Option<bool> {
    let name = format!("form_data_queue_up{{form_type=\"{form_type}\"}}");
    sample(api, &name).await.map(|value| value == 1.0)
}

/// Each form type is found, and the page's last answer is forgotten.
async fn ready_api(stack: &Stack) -> Service {
    let api = stack.api(&BOTH);
    wait::until_true("both queues are found", async || {
        let page = api.get("/healthcheck/ready/").await.json();
        page["queue"] == "OK" && page["queue_enrolment"] == "OK"
    })
    .await;
    wait::until_true("both gauges are 1", async || {
        queue_up(&api, "form").await == Some(true)
            && queue_up(&api, "enrolment").await == Some(true)
    })
    .await;
    tokio::time::sleep(Duration::from_millis(1100)).await;
    api
}

#[tokio::test]
async fn one_form_type_without_a_queue_does_not_take_the_others_out_of_service() {
    let stack = Stack::start();
    let api = ready_api(&stack).await;
    let faults = [
        (Fault::on("GetQueueUrl").hang(), "SQS is not available"),
        (
            Fault::on("GetQueueUrl").delay_before_work(Duration::from_secs(4)),
            "SQS is not available",
        ),
        (Fault::on("GetQueueUrl").internal_failure(), "SQS is not available"),
        (Fault::on("GetQueueUrl").access_denied(), "access is denied"),
    ];
    for (fault, words) in faults {
        stack.sqs.fault(fault.queue(ENROLMENTS)).await;
        let expected = json!({ "status": "OK", "queue": "OK", "queue_enrolment": words });
        assert_eq!(readiness(&api).await, (200, expected));
        let up = (queue_up(&api, "form").await, queue_up(&api, "enrolment").await);
        assert_eq!(up, (Some(true), Some(false)), "{words}");
        stack.sqs.no_faults().await;
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    api.post_form(registration(1)).await.expect_status(202);
    stack.expect_messages_left(QUEUE, 1);
}

#[tokio::test]
async fn no_form_type_with_a_queue_turns_readiness_red_without_a_wait() {
    let stack = Stack::start();
    let api = ready_api(&stack).await;
    stack.sqs.fault(Fault::on("GetQueueUrl").hang()).await;
    let words = "SQS is not available";
    let red = json!({ "status": "not ready", "queue": words, "queue_enrolment": words });
    assert_eq!(readiness(&api).await, (503, red));
}

/// A look-up is throttled long before sends are.
#[tokio::test]
async fn throttled_look_ups_are_an_answer_of_sqs() {
    let stack = Stack::start();
    let api = ready_api(&stack).await;
    stack.sqs.fault(Fault::on("GetQueueUrl").throttled()).await;
    let green = json!({ "status": "OK", "queue": "OK", "queue_enrolment": "OK" });
    assert_eq!(readiness(&api).await, (200, green));
}

#[tokio::test]
async fn while_sends_work_nothing_is_asked() {
    let stack = Stack::start();
    let api = ready_api(&stack).await;
    stack.sqs.fault(Fault::on("GetQueueUrl").hang()).await;
    let asked = stack.sqs.requests("GetQueueUrl").await;
    for number in 0..2 {
        api.post_form(registration(number)).await.expect_status(202);
        let (status, page) = readiness(&api).await;
        assert_eq!((status, &page["queue"]), (200, &json!("OK")), "{page}");
        tokio::time::sleep(Duration::from_millis(1100)).await;
    }
    // The other form type was idle.
    let of_enrolments = stack.sqs.requests("GetQueueUrl").await - asked;
    assert!(of_enrolments <= 4, "{of_enrolments}");
    stack.expect_messages_left(QUEUE, 2);
}

#[tokio::test]
async fn refused_sends_turn_readiness_red_although_the_queue_can_be_found() {
    let stack = Stack::start();
    let api = stack.ready_api(&[]).await;
    stack.sqs.fault(Fault::on("SendMessageBatch").access_denied()).await;
    api.post_form(registration(1)).await.expect_status(503);
    let red = wait::until("readiness is red", async || {
        let (status, page) = readiness(&api).await;
        (status == 503).then_some(page)
    });
    assert_eq!(red.await, json!({ "status": "not ready", "queue": "access is denied" }));
    // An orchestrator sends no forms now, so the api has to try again by itself.
    stack.sqs.no_faults().await;
    wait::until_true("readiness is green", async || readiness(&api).await.0 == 200).await;
}
