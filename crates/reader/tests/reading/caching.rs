//! Pages that have not changed.

use test_kit::{http::Answer, wait::until_true};

use crate::support::{DATASET, Reading};

const FORMS: &str = "/api/v1/table-data/submissions/registration";

async fn known(reading: &Reading, path: &str, tag: &str) -> Answer {
    let request = reading.request("GET", path).header("If-None-Match", tag);
    request.authorization(&reading.bearer()).send().await
}

fn tag(answer: &Answer) -> String {
    answer.header("ETag").expect("an ETag").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_a_client_has_is_not_sent_again() {
    let reading = Reading::with_dataset(5).await;
    let first = tag(&reading.get(DATASET).await.expect_status(200));
    assert!(first.starts_with("W/\""), "{first}");
    let again = known(&reading, DATASET, &first).await.expect_status(304);
    assert_eq!((again.body.as_str(), again.header("ETag")), ("", Some(first.as_str())));
    assert_eq!(again.header("Cache-Control"), Some("private, no-cache"));
    for tags in [format!("\"x\", {first}"), "*".to_owned(), first.replace("W/", "")] {
        known(&reading, DATASET, &tags).await.expect_status(304);
    }
    known(&reading, DATASET, "\"x\"").await.expect_status(200);
    // Another question has another answer.
    for query in ["orientation=records", "limit=1", "columns=id", "after=1"] {
        known(&reading, &format!("{DATASET}?{query}"), &first).await.expect_status(200);
    }
    // A row, a column, a scope.
    reading.database.sql(r#"INSERT INTO "org.ds"."L0" VALUES (6)"#);
    let second = tag(&known(&reading, DATASET, &first).await.expect_status(200));
    reading.database.sql(r#"ALTER TABLE "org.ds"."L0" ADD more text"#);
    let third = tag(&known(&reading, DATASET, &second).await.expect_status(200));
    known(&reading, DATASET, &third).await.expect_status(304);
    reading.database.sql("INSERT INTO client_scopes VALUES ('all', 'org.ds/*')");
    let is_sent = async || known(&reading, DATASET, &third).await.status == 200;
    until_true("the scope counts", is_sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_erasure_changes_the_pages_of_its_form_type_and_no_others() {
    let reading = Reading::start().await;
    reading.publish_registration();
    reading.publish("other");
    reading.submit(r#"{"a": "1"}"#);
    reading.submit(r#"{"a": "2"}"#);
    reading.show_rows();
    let others = "/api/v1/table-data/submissions/other";
    let (first, other) =
        (tag(&reading.get(FORMS).await), tag(&reading.get(others).await.expect_status(200)));
    known(&reading, FORMS, &first).await.expect_status(304);
    // The last row stays, so only the erasure shows.
    reading.database.sql(
        "UPDATE forms SET data = 'null', erased_at = now() WHERE id = 1;
         INSERT INTO erasures (form_type, form_id, reason) VALUES ('registration', 1, 'test')",
    );
    while reading.database.sql("SELECT count(*) FROM submissions.erasures") == "0" {
        reading.store.advance_watermark_of_erasures().unwrap();
    }
    let erased = known(&reading, FORMS, &first).await.expect_status(200).json();
    assert_eq!(erased["values"].as_array().unwrap().len(), 1);
    known(&reading, others, &other).await.expect_status(304);
}
