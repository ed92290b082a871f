//! Posts generated forms of every shape to the api and reads them back from their rows.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};
use serde_json::Value;
use test_kit::{
    Stack,
    generated::{self, Json, Meaning},
};

#[tokio::test]
async fn every_accepted_json_form_is_stored_with_its_meaning() {
    const FORMS: usize = 200;
    let stack = Stack::start();
    let (api, _worker) = (stack.ready_api(&[]).await, stack.ready_worker(&[]).await);

    let forms = generated::some(&generated::forms(), FORMS);
    let sent = stream::iter(&forms)
        .map(async |form: &Json| (api.post_form(form.written()).await.submission_id(), form));
    let sent: BTreeMap<String, &Json> = sent.buffer_unordered(16).collect().await;
    stack.drained().await;

    assert_eq!((sent.len(), stack.rows()), (FORMS, FORMS));
    let stored = rows(&stack);
    for (id, form) in &sent {
        assert_eq!(stored[id], form.meaning(), "{}", form.written());
    }
    // PostgreSQL's own reading of the posted body equals the row too.
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
async fn every_accepted_urlencoded_form_is_stored_with_its_meaning() {
    const FORMS: usize = 100;
    let stack = Stack::start();
    let (api, _worker) = (stack.ready_api(&[]).await, stack.ready_worker(&[]).await);

    let texts = generated::some(&generated::text(), 3 * FORMS);
    let texts: Vec<String> = texts.iter().map(generated::characters).collect();
    let sent = stream::iter(texts.chunks(3)).map(async |texts: &[String]| {
        let pairs = [("data", &texts[0]), (&texts[1], &texts[2])];
        let body =
            pairs.map(|(name, value)| format!("{}={}", escaped(name), escaped(value))).join("&");
        let request = api.request("POST", "/form/").body(body).signed();
        let answer = request.content_type("application/x-www-form-urlencoded").send().await;
        let meant =
            pairs.into_iter().map(|(name, value)| (name.to_owned(), Meaning::Text(value.clone())));
        (answer.submission_id(), Meaning::Object(meant.collect()))
    });
    let sent: BTreeMap<String, Meaning> = sent.buffer_unordered(16).collect().await;
    stack.drained().await;

    assert_eq!(sent.len(), FORMS);
    assert_eq!(rows(&stack), sent);
}

/// The content of each row, by submission id.
fn rows(stack: &Stack) -> BTreeMap<String, Meaning> {
    // In hex, because psql's output leaves out characters such as U+1FFFE.
    let rows = stack
        .database
        .sql("select submission_id, encode(convert_to(data::text, 'UTF8'), 'hex') from forms");
    let rows = rows.lines().map(|row| row.split_once('|').unwrap());
    let meaning = |data| {
        Meaning::from(&serde_json::from_slice::<Value>(&hex::decode(data).unwrap()).unwrap())
    };
    rows.map(|(id, data)| (id.to_owned(), meaning(data))).collect()
}

/// The text with every byte escaped.
fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
