//! The checker and PostgreSQL agree on which contents are equal.

use chaos::{
    content::Content,
    draft::draft,
    history::{Kind, SubmissionName},
};
use test_kit::TestDatabase;

#[test]
fn jsonb_returns_the_content_that_was_sent() {
    let database = TestDatabase::create();
    let drafts = (0..400).map(|number| draft(1, SubmissionName { sender: 0, number }));
    let json = drafts.filter(|draft| {
        let is_json = matches!(draft.encoding, "application/json" | "message");
        is_json && matches!(draft.kind, Kind::Form | Kind::Message)
    });
    let json: Vec<_> =
        json.map(|draft| (String::from_utf8(draft.body).unwrap(), draft.content)).collect();
    // In small chunks, because the arguments of psql must not be too long.
    for chunk in json.chunks(10) {
        let query =
            |body: &str| format!("select convert_to($form${body}$form$::jsonb::text, 'UTF8');");
        let chunk: Vec<_> = chunk.iter().filter(|(body, _)| body.len() < 10_000).collect();
        let stored = database.sql(&chunk.iter().map(|(body, _)| query(body)).collect::<String>());
        assert_eq!(stored.lines().count(), chunk.len());
        for (stored, (body, content)) in stored.lines().zip(chunk) {
            let stored =
                String::from_utf8(hex::decode(stored.trim_start_matches("\\x")).unwrap()).unwrap();
            assert_eq!(Content::of_json(&stored), *content, "{body}\n{stored}");
        }
    }
}
