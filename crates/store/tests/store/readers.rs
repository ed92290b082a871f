//! What the service for readers notes and asks.

mod exports;
mod states;

use std::thread;

use chrono::{DateTime, TimeDelta, Utc};
use store::{AuditEntry, AuditEvent, NewClient, NewKey, Position};
use uuid::Uuid;

use crate::support::{Fixture, fixture};

/// With the clients `a` and `b`, whose keys are `keyofa00` and `keyofb00`.
fn with_clients() -> Fixture {
    let f = fixture();
    for id in ["a", "b"] {
        let key = format!("keyof{id}00");
        let key = NewKey { id: &key, ciphertext: &[7; 40], imported: false };
        let client = NewClient { id, description: "", key, scopes: &[] };
        assert_eq!(f.store.add_client(&client, "x"), Ok(true));
    }
    f
}

fn at(seconds: i64) -> DateTime<Utc> {
    let start: DateTime<Utc> = "2026-11-21T10:00:00Z".parse().unwrap();
    start + TimeDelta::seconds(seconds)
}

fn position(client: &str, relation: &str, last_id: i64) -> Position {
    Position { client_id: client.to_owned(), relation: relation.to_owned(), last_id }
}

#[test]
fn the_use_of_a_key_is_noted_to_the_minute_and_never_goes_back() {
    let f = with_clients();
    let noted = |uses: &[(&str, i64)]| {
        let uses: Vec<_> =
            uses.iter().map(|(id, seconds)| ((*id).to_owned(), at(*seconds))).collect();
        f.store.note_key_use(&uses).unwrap();
        f.database.sql(
            "SELECT string_agg(coalesce(to_char(last_used_at AT TIME ZONE 'UTC', 'HH24:MI:SS'), '-'), ' ' ORDER BY id)
                 FROM client_keys",
        )
    };
    assert_eq!(noted(&[]), "- -");
    assert_eq!(noted(&[("keyofa00", 5), ("keyofa00", 3), ("nosuchkey", 9)]), "10:00:05 -");
    assert_eq!(noted(&[("keyofa00", 60)]), "10:00:05 -");
    assert_eq!(noted(&[("keyofa00", 66), ("keyofb00", 1)]), "10:01:06 10:00:01");
    assert_eq!(noted(&[("keyofa00", 1)]), "10:01:06 10:00:01");
}

#[test]
fn positions_advance_and_never_go_back() {
    let f = with_clients();
    let noted = |positions: &[Position]| {
        f.store.note_positions(positions).unwrap();
        f.database.sql("SELECT client_id, relation, last_id FROM client_positions ORDER BY 1, 2")
    };
    assert_eq!(noted(&[position("a", "submissions/form", 5)]), "a|submissions/form|5");
    let all = [
        position("b", "submissions/form", 1),
        position("a", "submissions/form", 9),
        position("a", "submissions/form", 7),
        position("nobody", "submissions/form", 7),
        position("a", "org.ds/L0", 2),
    ];
    let expected = "a|org.ds/L0|2\na|submissions/form|9\nb|submissions/form|1";
    assert_eq!(noted(&all), expected);
    assert_eq!(noted(&[position("a", "submissions/form", 3)]), expected);
    assert_eq!(noted(&[]), expected);
}

#[test]
fn sessions_that_note_the_same_things_at_once_do_not_deadlock() {
    let f = with_clients();
    let relations: Vec<String> = (0..40).map(|n| format!("org.ds/{n:02}")).collect();
    thread::scope(|scope| {
        for turn in 0..4_usize {
            let (store, mut relations) = (&f.store, relations.clone());
            scope.spawn(move || {
                relations.rotate_left(turn * 10);
                for round in 0..10 {
                    let positions: Vec<Position> =
                        relations.iter().map(|relation| position("a", relation, round)).collect();
                    store.note_positions(&positions).unwrap();
                    let entries: Vec<AuditEntry> =
                        relations.iter().map(|relation| pages(0, "a", relation, 1)).collect();
                    store.note_audit(&entries).unwrap();
                }
            });
        }
    });
    assert_eq!(f.database.sql("SELECT count(*), sum(last_id) FROM client_positions"), "40|360");
    assert_eq!(f.database.sql("SELECT count(*), sum(requests) FROM read_audit"), "40|1600");
}

fn pages(seconds: i64, client: &str, relation: &str, last_id: i64) -> AuditEntry {
    let event = AuditEvent::Pages {
        relation: relation.to_owned(),
        filter_columns: vec!["company".to_owned(), "née".to_owned()],
        requests: 1,
        rows: 10,
        first_id: Some(last_id - 9),
        last_id: Some(last_id),
    };
    AuditEntry { at: at(seconds), client_id: Some(client.to_owned()), event }
}

fn refusal(seconds: i64, client: Option<&str>, reason: &str, relation: Option<&str>) -> AuditEntry {
    let event =
        AuditEvent::Refusal { reason: reason.to_owned(), relation: relation.map(str::to_owned) };
    AuditEntry { at: at(seconds), client_id: client.map(str::to_owned), event }
}

#[test]
fn pages_are_added_up_per_client_relation_filter_columns_and_minute() {
    let f = with_clients();
    let other_columns = match pages(1, "a", "submissions/form", 10) {
        AuditEntry { at, client_id, event: AuditEvent::Pages { relation, requests, rows, .. } } => {
            let event = AuditEvent::Pages {
                relation,
                filter_columns: vec![],
                requests,
                rows,
                first_id: None,
                last_id: None,
            };
            AuditEntry { at, client_id, event }
        }
        other => panic!("{other:?}"),
    };
    let first = [
        pages(0, "a", "submissions/form", 10),
        pages(59, "a", "submissions/form", 30),
        pages(60, "a", "submissions/form", 40),
        pages(1, "b", "submissions/form", 10),
        other_columns,
    ];
    f.store.note_audit(&first).unwrap();
    f.store.note_audit(&[pages(2, "a", "submissions/form", 20)]).unwrap();
    let rows = f.database.sql(
        "SELECT client_id, to_char(at AT TIME ZONE 'UTC', 'MI:SS'), filter_columns, requests, rows, first_id, last_id
             FROM read_audit WHERE kind = 'pages' AND relation = 'submissions/form' ORDER BY 1, 2, 3",
    );
    let expected = "a|00:00|{}|1|10||\n\
                    a|00:00|{company,née}|3|30|1|30\n\
                    a|01:00|{company,née}|1|10|31|40\n\
                    b|00:00|{company,née}|1|10|1|10";
    assert_eq!(rows, expected);
}

#[test]
fn pages_with_many_long_filter_columns_are_added_up_too() {
    let f = with_clients();
    let filter_columns: Vec<String> =
        (0..60).map(|n| format!("{n:02}-{}", "é".repeat(28))).collect();
    let event = AuditEvent::Pages {
        relation: "submissions/form".to_owned(),
        filter_columns,
        requests: 1,
        rows: 10,
        first_id: Some(1),
        last_id: Some(10),
    };
    let entry = AuditEntry { at: at(0), client_id: Some("a".to_owned()), event };
    f.store.note_audit(std::slice::from_ref(&entry)).unwrap();
    f.store.note_audit(&[entry]).unwrap();
    assert_eq!(
        f.database.sql("SELECT requests, rows, cardinality(filter_columns) FROM read_audit"),
        "2|20|60"
    );
}

#[test]
fn an_export_a_submission_and_a_refusal_of_a_client_have_a_row_each() {
    let f = with_clients();
    let (export_id, submission_id) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let relation = || "submissions/form".to_owned();
    let of_a = |event| AuditEntry { at: at(1), client_id: Some("a".to_owned()), event };
    let export = AuditEvent::Export { relation: relation(), filter_columns: vec![], export_id };
    let submission = AuditEvent::Submission { relation: relation(), submission_id };
    let entries = [of_a(export), of_a(submission.clone()), of_a(submission)];
    f.store.note_audit(&entries).unwrap();
    f.store.note_audit(&[refusal(1, Some("a"), "scope", Some("org.ds/L0"))]).unwrap();
    f.store.note_audit(&[refusal(1, Some("a"), "scope", Some("org.ds/L0"))]).unwrap();
    let rows = f.database.sql(
        "SELECT kind, relation, requests, rows, reason, submission_id, export_id FROM read_audit ORDER BY id",
    );
    let (one, two) = (export_id.to_string(), submission_id.to_string());
    let expected = format!(
        "export|submissions/form|1|0|||{one}\n\
         submission|submissions/form|1|1||{two}|\n\
         submission|submissions/form|1|1||{two}|\n\
         refusal|org.ds/L0|1|0|scope||\n\
         refusal|org.ds/L0|1|0|scope||"
    );
    assert_eq!(rows, expected);
}

#[test]
fn refusals_of_strangers_are_added_up_and_cannot_fill_the_table() {
    let f = with_clients();
    let entries: Vec<AuditEntry> = (0..600)
        .map(|n| refusal(n / 10, None, if n % 3 == 0 { "unknown_client" } else { "bad_mac" }, None))
        .collect();
    f.store.note_audit(&entries).unwrap();
    f.store.note_audit(&entries).unwrap();
    let rows = f.database.sql("SELECT reason, requests, client_id FROM read_audit ORDER BY reason");
    assert_eq!(rows, "bad_mac|800|\nunknown_client|400|");
}

#[test]
fn a_name_that_no_relation_can_have_is_cut_and_stops_no_other_entry() {
    let f = with_clients();
    let name = format!("a\0\u{1f600}/{}", "x".repeat(10_000));
    let entries = [refusal(1, Some("a"), "scope", Some(&name)), pages(1, "a", "org.ds/L0", 10)];
    f.store.note_audit(&entries).unwrap();
    assert_eq!(f.database.sql("SELECT count(*), max(length(relation)) FROM read_audit"), "2|200");
}
