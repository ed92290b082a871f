//! Pages that have not changed.

use serde_json::json;
use test_kit::{http::Answer, wait::until_true};

use crate::support::{DATASET, Reading};

const FORMS: &str = "/api/v1/table-data/submissions/registration";

async fn known(reading: &Reading, path: &str, tag: &str) -> Answer {
    known_to(reading, &reading.key, path, tag).await
}

async fn known_to(reading: &Reading, key: &str, path: &str, tag: &str) -> Answer {
    let request = reading.request("GET", path).header("If-None-Match", tag);
    request.authorization(&format!("Bearer {key}")).send().await
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
async fn an_erasure_changes_the_pages_of_its_form_type_and_nobody_else_hears_of_it() {
    let reading = Reading::start().await;
    reading.publish_registration();
    reading.publish("other");
    reading.submit(r#"{"a": "1"}"#);
    reading.submit(r#"{"a": "2"}"#);
    reading.show_rows();
    let other_key = reading.add_client("other", "submissions/other", None);
    let own_key = reading.known_client("own", "submissions/registration", None).await;
    let (others, erasures) =
        (&FORMS.replace("registration", "other"), &FORMS.replace("registration", "erasures"));
    let first = tag(&reading.get(FORMS).await);
    let unchanged = [(&reading.key, others), (&other_key, others), (&other_key, erasures)];
    let mut tags = Vec::new();
    for (key, path) in unchanged {
        tags.push(tag(&reading.get_as(key, path).await.expect_status(200)));
    }
    let own_erasures = tag(&reading.get_as(&own_key, erasures).await.expect_status(200));
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
    for ((key, path), tag) in unchanged.into_iter().zip(&tags) {
        known_to(&reading, key, path, tag).await.expect_status(304);
    }
    let heard = known_to(&reading, &own_key, erasures, &own_erasures).await.expect_status(200);
    assert_eq!(heard.json()["values"].as_array().unwrap().len(), 1);
    let nothing = reading.get_as(&other_key, erasures).await.expect_status(200).json();
    assert_eq!((&nothing["values"], &nothing["last_id"]), (&json!([]), &json!(0)));
    let csv = reading.get_as(&other_key, &format!("{erasures}?format=csv&columns=id")).await;
    assert_eq!(csv.expect_status(200).body, "id\r\n");
}
