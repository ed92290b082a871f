//! Whole relations, in parts.

use std::time::Duration;

use relations::{Export, ExportOptions, Proof, Selection};
use tabular::{CsvOptions, Format, JsonLinesOptions};

use crate::support::{Fixture, fixture, selection};

fn options(format: Format) -> ExportOptions {
    ExportOptions {
        format,
        after: None,
        limit: None,
        part_bytes: 1 << 20,
        scan_rows: 100_000,
        statement: Duration::from_secs(5),
    }
}

fn csv() -> ExportOptions {
    options(Format::Csv(CsvOptions::default()))
}

fn export(f: &Fixture, selection: Selection, options: ExportOptions) -> (String, Proof) {
    let mut export = Export::start(&f.store, selection, options).unwrap();
    let mut all = Vec::new();
    while let Some(part) = export.next(&f.store).unwrap() {
        all.extend(part);
    }
    (String::from_utf8(all).unwrap(), export.proof().clone())
}

fn with_rows(rows: i64) -> Fixture {
    let f = fixture();
    f.database.sql(&format!(
        r#"INSERT INTO "org.ds"."L0" (id, name) SELECT n, 'row ' || n FROM generate_series(1, {rows}) n"#
    ));
    f
}

#[test]
fn an_export_is_what_copy_writes() {
    let f = with_rows(25_000);
    let copied = f
        .database
        .sql(r#"COPY (SELECT id, name FROM "org.ds"."L0" ORDER BY id) TO STDOUT CSV HEADER"#);
    for part_bytes in [1 << 20, 5_000] {
        let two = selection(f.dataset(), &["id", "name"], &[]);
        let (text, proof) = export(&f, two, ExportOptions { part_bytes, ..csv() });
        assert!(text.replace("\r\n", "\n").trim_end() == copied.trim_end());
        assert_eq!(
            (proof.rows, proof.first, proof.last, proof.bound),
            (25_000, Some(1), Some(25_000), 25_000)
        );
        assert_eq!(proof.bytes, text.len() as u64);
        let sha256 = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        assert_eq!(proof.sha256.unwrap(), sha256.as_ref());
    }
}

#[test]
fn rows_that_come_during_an_export_are_not_in_it() {
    let f = with_rows(3);
    let all = selection(f.dataset(), &["id"], &[]);
    let mut export = Export::start(&f.store, all, csv()).unwrap();
    f.database.sql(r#"INSERT INTO "org.ds"."L0" (id) VALUES (4)"#);
    let mut text = Vec::new();
    while let Some(part) = export.next(&f.store).unwrap() {
        text.extend(part);
    }
    assert_eq!(String::from_utf8(text).unwrap(), "id\r\n1\r\n2\r\n3\r\n");
    assert_eq!(export.proof().bound, 3);
}

#[test]
fn nulls_and_names_of_columns_count_as_bytes_of_a_part() {
    let f = with_rows(2000);
    let lines = options(Format::JsonLines(JsonLinesOptions::default()));
    let options = ExportOptions { part_bytes: 10_000, ..lines };
    let mut export = Export::start(&f.store, Selection::all(f.dataset()), options).unwrap();
    while let Some(part) = export.next(&f.store).unwrap() {
        assert!(part.len() < 11_000, "{}", part.len());
    }
    assert_eq!(export.proof().rows, 2000);
}

/// A standby cancels queries that need rows which the primary has removed. Here a row fails in the
/// same way, once.
#[test]
fn a_part_that_a_standby_cancels_is_read_again_from_where_it_was() {
    for (limit, expected) in [(None, 50), (Some(30), 30)] {
        let f = with_rows(0);
        f.database.sql(CONFLICT_AT_ROW_20);
        let options = ExportOptions { limit, ..csv() };
        let (text, proof) = export(&f, Selection::all(f.relation("org.ds", "L2")), options);
        let rows: Vec<String> = (1..=expected).map(|n| format!("{n},ok\r\n")).collect();
        assert_eq!(text, format!("id,state\r\n{}", rows.concat()));
        assert_eq!(proof.rows, expected);
    }
}

/// A lock of the session remembers that it has failed: it survives the end of the transaction.
const CONFLICT_AT_ROW_20: &str = r#"
    CREATE FUNCTION conflict_once(n bigint) RETURNS text LANGUAGE plpgsql STABLE AS $$
        BEGIN
            IF n = 20 AND NOT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()) THEN
                PERFORM pg_advisory_lock(42);
                RAISE SQLSTATE '40001';
            END IF;
            RETURN 'ok';
        END $$;
    CREATE VIEW "org.ds"."L2" AS SELECT n AS id, conflict_once(n) AS state FROM generate_series(1::bigint, 50) n;
    INSERT INTO relations VALUES ('org.ds', 'L2', 'id', 'a view');
"#;

#[test]
fn after_limit_and_conditions_apply() {
    let f = with_rows(100);
    let lines = options(Format::JsonLines(JsonLinesOptions::default()));
    let of = |filters: &[(&str, &str)], options: ExportOptions| {
        let (text, _) = export(&f, selection(f.dataset(), &["id"], filters), options);
        text.replace("{\"id\":", "").replace("}\n", " ")
    };
    assert_eq!(of(&[], ExportOptions { after: Some(97), ..lines }), "98 99 100 ");
    assert_eq!(of(&[], ExportOptions { limit: Some(2), ..lines }), "1 2 ");
    assert_eq!(of(&[], ExportOptions { limit: Some(0), ..lines }), "");
    let rare = [("name", "in.(\"row 5\",\"row 50\",\"row 95\")")];
    assert_eq!(of(&rare, ExportOptions { scan_rows: 10, ..lines }), "5 50 95 ");
    assert_eq!(of(&rare, ExportOptions { scan_rows: 10, limit: Some(2), ..lines }), "5 50 ");
    assert_eq!(of(&[], ExportOptions { after: Some(1000), ..lines }), "");
}

#[test]
fn an_export_begins_with_the_smallest_key_and_has_an_empty_relation_complete() {
    let f = with_rows(2);
    let ids = || selection(f.dataset(), &["id"], &[]);
    f.database.sql(r#"INSERT INTO "org.ds"."L0" (id) VALUES (0), (-3)"#);
    let (text, proof) = export(&f, ids(), csv());
    assert_eq!((text.as_str(), proof.first), ("id\r\n-3\r\n0\r\n1\r\n2\r\n", Some(-3)));
    f.database.sql(r#"DELETE FROM "org.ds"."L0" WHERE id > -3"#);
    assert_eq!(export(&f, ids(), csv()).0, "id\r\n-3\r\n");
    f.database.sql(r#"DELETE FROM "org.ds"."L0""#);
    let (text, proof) = export(&f, ids(), csv());
    assert_eq!((text.as_str(), proof.bound, proof.sha256.is_some()), ("id\r\n", 0, true));
}

#[test]
fn a_wrong_value_is_found_before_the_first_byte() {
    let f = with_rows(1);
    let wrong = selection(f.dataset(), &[], &[("big", "eq.x")]);
    assert!(Export::start(&f.store, wrong, csv()).is_err());
}

#[test]
fn an_export_that_fails_never_becomes_complete() {
    let f = with_rows(30_000);
    let all = selection(f.dataset(), &["id"], &[]);
    let mut export = Export::start(&f.store, all, csv()).unwrap();
    assert!(export.next(&f.store).unwrap().is_some());
    f.database.sql(r#"DROP TABLE "org.ds"."L0""#);
    assert!(export.next(&f.store).is_err());
    assert_eq!(export.next(&f.store).unwrap(), None);
    assert_eq!(export.proof().sha256, None);
}
