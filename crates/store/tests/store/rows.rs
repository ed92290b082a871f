//! Rows of any query, as text.

use std::time::Duration;

use store::{ReadEnd, ReadLimits, Store, TextQuery};

use crate::support::fixture;

const ENOUGH: ReadLimits = ReadLimits { bytes: 1 << 20, statement: Duration::from_secs(5) };

fn query(sql: &str, parameters: &[Option<&str>]) -> TextQuery {
    TextQuery {
        sql: sql.to_owned(),
        parameters: parameters.iter().map(|value| value.map(str::to_owned)).collect(),
        time_zone: "UTC".to_owned(),
    }
}

fn read(
    store: &Store,
    query: &TextQuery,
    limits: ReadLimits,
) -> (Vec<Vec<Option<String>>>, ReadEnd) {
    let mut rows = Vec::new();
    let text = |cell: &&[u8]| String::from_utf8(cell.to_vec()).unwrap();
    let end = store.read_rows(query, limits, |cells| {
        rows.push(cells.iter().map(|cell| cell.as_ref().map(text)).collect());
        true
    });
    (rows, end.unwrap())
}

#[test]
fn cells_are_text_or_null_and_parameters_are_cast() {
    let f = fixture();
    let query = query(
        "SELECT $1::bigint::text, NULL::text, $2::text, 'é😀' WHERE $3::date IS NULL",
        &[Some("42"), Some(""), None],
    );
    let row = [Some("42"), None, Some(""), Some("é😀")].map(|cell| cell.map(str::to_owned));
    assert_eq!(read(&f.store, &query, ENOUGH), (vec![row.to_vec()], ReadEnd::Complete));
}

#[test]
fn all_rows_come_in_their_order_however_many_fetches_they_take() {
    let f = fixture();
    for rows in [0, 1, 2, 9, 10, 20_000] {
        let all = query(&format!("SELECT n::text FROM generate_series(1, {rows}) n"), &[]);
        let (read, end) = read(&f.store, &all, ENOUGH);
        let expected: Vec<_> = (1..=rows).map(|n| vec![Some(n.to_string())]).collect();
        assert_eq!((read, end), (expected, ReadEnd::Complete));
    }
}

#[test]
fn a_reading_stops_at_its_bytes_and_has_at_least_one_row() {
    let f = fixture();
    let large = query("SELECT repeat('x', 100000) FROM generate_series(1, 100000)", &[]);
    for (bytes, rows) in [(1, 1), (100_000, 1), (350_000, 3)] {
        let limits = ReadLimits { bytes, ..ENOUGH };
        let (read, end) = read(&f.store, &large, limits);
        assert_eq!((read.len(), end), (rows, ReadEnd::More), "{bytes}");
    }
}

#[test]
fn only_a_connection_that_has_read_a_large_row_is_closed() {
    let f = fixture();
    let session_of = |bytes: usize| {
        let sql = format!("SELECT pg_backend_pid()::text, repeat('x', {bytes})");
        read(&f.store, &query(&sql, &[]), ENOUGH).0[0][0].clone()
    };
    let first = session_of(200_000);
    assert_eq!(session_of(300_000), first);
    assert_ne!(session_of(1), first);
    assert_eq!(session_of(1), session_of(1));
}

#[test]
fn a_reading_writes_nothing_and_its_session_can_write_afterwards() {
    let f = fixture();
    let writes = query("SELECT store_form('form', NULL, 'm', NULL, '{}')", &[]);
    assert!(f.store.read_rows(&writes, ENOUGH, |_| true).is_err());
    assert_eq!(f.rows(), 0);
    f.store.probe().unwrap();
}

#[test]
fn a_query_that_fails_or_takes_too_long_is_an_error_and_the_next_one_works() {
    let f = fixture();
    let soon = ReadLimits { statement: Duration::from_millis(100), ..ENOUGH };
    for sql in ["SELECT 'x'::bigint::text", "SELECT pg_sleep(30)::text"] {
        assert!(f.store.read_rows(&query(sql, &[]), soon, |_| true).is_err(), "{sql}");
    }
    assert_eq!(read(&f.store, &query("SELECT 'fine'", &[]), ENOUGH).1, ReadEnd::Complete);
}

#[test]
fn an_error_quotes_no_parameter() {
    let f = fixture();
    for sql in ["SELECT $1::date::text", "SELECT $1::bigint::text"] {
        let error =
            f.store.read_rows(&query(sql, &[Some("secret")]), ENOUGH, |_| true).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}
