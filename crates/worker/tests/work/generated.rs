//! Generated forms of every shape, posted to the intake and read back from their rows.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use serde_json::Value;
use test_kit::{
    Stack,
    forms::{SECRET, post, signature},
    generated::{self, Json, Meaning},
    sqs::Counts,
    stack::INVALID,
};

#[tokio::test]
async fn whatever_the_intake_takes_is_stored_as_it_was_meant() {
    const FORMS: usize = 200;
    let stack = Stack::start();
    let (api, worker) = (stack.api(&[]), stack.worker(&[]));
    stack.ready(&api).await;
    stack.ready(&worker).await;
    let (client, origin) = (reqwest::Client::new(), api.url(""));

    let forms = generated::some(&generated::forms(), FORMS);
    let sent = stream::iter(&forms).map(async |form: &Json| {
        let answer = post(&client, &origin, form.written()).await.unwrap();
        assert_eq!(answer.status(), 202, "{}", form.written());
        (id_of(answer).await, form)
    });
    let sent: BTreeMap<String, &Json> = sent.buffer_unordered(16).collect().await;
    stack.drained().await;

    assert_eq!((sent.len(), stack.rows()), (FORMS, FORMS));
    assert_eq!(stack.sqs.counts(INVALID).await, Counts::NONE);
    let stored = rows(&stack);
    for (id, form) in &sent {
        assert_eq!(stored[id], form.meaning(), "{}", form.written());
    }
    // And PostgreSQL's own reading of what was sent is what the row holds.
    let sent: Vec<(&String, &&Json)> = sent.iter().collect();
    for some in sent.chunks(20) {
        let values: Vec<_> = some
            .iter()
            .map(|(id, form)| format!("('{id}', $form${}$form$)", form.written()))
            .collect();
        let equal = stack.database.sql(&format!(
            "select count(*) from forms join (values {}) sent(sent_id, body) on submission_id = sent_id::uuid and data = body::jsonb",
            values.join(",")
        ));
        assert_eq!(equal, some.len().to_string());
    }
}

#[tokio::test]
async fn whatever_text_is_posted_urlencoded_is_stored_as_it_was_meant() {
    const FORMS: usize = 100;
    let stack = Stack::start();
    let (api, worker) = (stack.api(&[]), stack.worker(&[]));
    stack.ready(&api).await;
    stack.ready(&worker).await;
    let (client, url) = (reqwest::Client::new(), api.url("/form/"));

    let texts = generated::some(&generated::text(), 3 * FORMS);
    let texts: Vec<String> = texts.iter().map(generated::characters).collect();
    let sent = stream::iter(texts.chunks(3)).map(async |texts: &[String]| {
        let pairs = [("data", &texts[0]), (&texts[1], &texts[2])];
        let body =
            pairs.map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).join("&");
        let request = client.post(&url).header("Content-Type", "application/x-www-form-urlencoded");
        let request = request.header("X-Signature", signature("/form/", body.as_bytes(), SECRET));
        let answer = request.body(body).send().await.unwrap();
        assert_eq!(answer.status(), 202, "{pairs:?}");
        let meant =
            pairs.into_iter().map(|(name, value)| (name.to_owned(), Meaning::Text(value.clone())));
        (id_of(answer).await, Meaning::Object(meant.collect()))
    });
    let sent: BTreeMap<String, Meaning> = sent.buffer_unordered(16).collect().await;
    stack.drained().await;

    assert_eq!(sent.len(), FORMS);
    assert_eq!(rows(&stack), sent);
}

async fn id_of(answer: reqwest::Response) -> String {
    let answer: Value = answer.json().await.unwrap();
    answer["id"].as_str().unwrap().to_owned()
}

/// What each row holds, by submission id.
fn rows(stack: &Stack) -> BTreeMap<String, Meaning> {
    // In hex, because psql leaves U+1FFFE and the like out of what it shows.
    let rows = stack
        .database
        .sql("select submission_id, encode(convert_to(data::text, 'UTF8'), 'hex') from forms");
    let rows = rows.lines().map(|row| row.split_once('|').unwrap());
    let meaning = |data| {
        Meaning::from(&serde_json::from_slice::<Value>(&hex::decode(data).unwrap()).unwrap())
    };
    rows.map(|(id, data)| (id.to_owned(), meaning(data))).collect()
}

/// Every byte as an escape.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
