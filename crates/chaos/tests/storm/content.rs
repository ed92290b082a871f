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
    for draft in json {
        let body = String::from_utf8(draft.body).unwrap();
        if body.len() < 10_000 {
            let stored = database.sql(&format!("select convert_to($form${body}$form$::jsonb::text, 'UTF8')"));
            let stored = String::from_utf8(hex::decode(stored.trim_start_matches("\\x")).unwrap()).unwrap();
            assert_eq!(Content::of(&stored), draft.content, "{body}\n{stored}");
        }
    }
}
