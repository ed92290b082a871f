use store::{EndedExport, ExportColumn, ExportRecord, ExportState, NewExport};
use uuid::Uuid;

use super::with_clients;
use crate::support::Fixture;

const ID: Uuid = Uuid::from_u128(7);

fn begin(f: &Fixture) {
    let export = NewExport {
        id: ID,
        client_id: "a".to_owned(),
        relation: "submissions/form".to_owned(),
        format: "csv",
        bound: Some(900),
        filters: vec![("company".to_owned(), "eq".to_owned())],
        columns: vec![ExportColumn {
            name: "created".to_owned(),
            column_type: "timestamptz".to_owned(),
            description: None,
            zone: Some("UTC".to_owned()),
        }],
    };
    f.store.begin_export(&export).unwrap();
}

fn end(sha256: Option<[u8; 32]>) -> EndedExport {
    EndedExport {
        sha256,
        rows: 20,
        bytes: 3_000_000_000,
        first_id: Some(1),
        last_id: Some(899),
        guarded_cells: 2,
    }
}

fn shown(f: &Fixture) -> ExportRecord {
    f.store.show_export(ID, "a").unwrap().unwrap()
}

#[test]
fn an_export_runs_and_is_complete_with_its_digest() {
    let f = with_clients();
    begin(&f);
    let record = shown(&f);
    assert_eq!(
        (record.state, record.bound, record.ended_at),
        (ExportState::Running, Some(900), None)
    );
    assert_eq!((record.relation.as_str(), record.format.as_str()), ("submissions/form", "csv"));
    assert_eq!(record.filters, r#"[{"column": "company", "operator": "eq"}]"#);
    let columns =
        r#"[{"name": "created", "type": "timestamptz", "zone": "UTC", "description": null}]"#;
    assert_eq!(record.columns, columns);

    assert_eq!(f.store.continue_export(ID, 10, 100, Some(50)), Ok(true));
    let record = shown(&f);
    assert_eq!((record.sent.rows, record.sent.bytes, record.sent.last_id), (10, 100, Some(50)));

    assert_eq!(f.store.end_export(ID, &end(Some([9; 32]))), Ok(true));
    let record = shown(&f);
    assert_eq!((record.state, &record.sent), (ExportState::Complete, &end(Some([9; 32]))));
    assert!(record.ended_at.is_some());
    // A second run after a lost connection
    assert_eq!(f.store.end_export(ID, &end(Some([9; 32]))), Ok(true));
    assert_eq!(shown(&f), record);
}

#[test]
fn an_export_that_has_ended_stays_as_it_is() {
    let f = with_clients();
    begin(&f);
    assert_eq!(f.store.end_export(ID, &end(None)), Ok(true));
    let broken = shown(&f);
    assert_eq!((broken.state, broken.sent.sha256), (ExportState::Broken, None));
    assert_eq!(f.store.end_export(ID, &end(Some([9; 32]))), Ok(false));
    assert_eq!(f.store.continue_export(ID, 1, 1, None), Ok(false));
    begin(&f);
    assert_eq!(shown(&f), broken);
}

#[test]
fn an_export_without_a_sign_of_life_is_broken_until_it_gives_one() {
    let f = with_clients();
    begin(&f);
    for (age, state) in [("14 s", ExportState::Running), ("16 s", ExportState::Broken)] {
        f.database.sql(&format!("UPDATE exports SET alive_at = now() - interval '{age}'"));
        assert_eq!(shown(&f).state, state, "{age}");
    }
    assert_eq!(f.store.continue_export(ID, 1, 1, None), Ok(true));
    assert_eq!(shown(&f).state, ExportState::Running);
}

#[test]
fn only_its_client_sees_an_export_and_for_30_days() {
    let f = with_clients();
    begin(&f);
    assert_eq!(f.store.show_export(ID, "b"), Ok(None));
    assert_eq!(f.store.show_export(Uuid::from_u128(8), "a"), Ok(None));
    f.database.sql("UPDATE exports SET started_at = now() - interval '29 days'");
    shown(&f);
    f.database.sql("UPDATE exports SET started_at = now() - interval '31 days'");
    assert_eq!(f.store.show_export(ID, "a"), Ok(None));
}
