//! The checker's idea of equal contents is PostgreSQL's.

use chaos::{
    content::Content,
    draft::draft,
    history::{Kind, Name},
};
use test_kit::TestDatabase;

#[test]
fn what_jsonb_gives_back_says_what_was_sent() {
    let database = TestDatabase::create();
    let drafts = (0..400).map(|number| draft(1, Name { sender: 0, number }));
    let json = drafts.filter(|draft| {
        let is_json = matches!(draft.encoding, "application/json" | "message");
        is_json && matches!(draft.kind, Kind::Form | Kind::Message)
    });
    let json: Vec<_> =
        json.map(|draft| (String::from_utf8(draft.body).unwrap(), draft.content)).collect();
    // The arguments of a program are bounded.
    for some in json.chunks(10) {
        let query =
            |body: &str| format!("select convert_to($form${body}$form$::jsonb::text, 'UTF8');");
        let some: Vec<_> = some.iter().filter(|(body, _)| body.len() < 10_000).collect();
        let stored = database.sql(&some.iter().map(|(body, _)| query(body)).collect::<String>());
        assert_eq!(stored.lines().count(), some.len());
        for (stored, (body, content)) in stored.lines().zip(some) {
            let stored =
                String::from_utf8(hex::decode(stored.trim_start_matches("\\x")).unwrap()).unwrap();
            assert_eq!(Content::of(&stored), *content, "{body}\n{stored}");
        }
    }
}
