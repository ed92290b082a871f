//! Every shape of JSON under every type of column.

use super::form_type;
use crate::support::{Fixture, fixture};

const TYPES: [(&str, &str, &str); 7] = [
    ("text", r#"{"type": "string"}"#, "x"),
    ("date", r#"{"type": "string", "format": "date"}"#, "2016-01-01"),
    ("timestamptz", r#"{"type": "string", "format": "date-time"}"#, "2016-01-01T00:00:00Z"),
    ("bigint", r#"{"type": "integer"}"#, "1"),
    ("numeric", r#"{"type": "number"}"#, "1"),
    ("boolean", r#"{"type": "boolean"}"#, "true"),
    ("jsonb", r#"{"type": "array"}"#, "[]"),
];

/// Values, and the types of the columns that can hold them.
const VALUES: [(&str, &str); 38] = [
    ("null", ""),
    ("true", "boolean"),
    ("false", "boolean"),
    ("0", "bigint numeric"),
    ("-0", "bigint numeric"),
    ("1.0", "bigint numeric"),
    ("1.50", "numeric"),
    ("-1e2", "bigint numeric"),
    ("1e100", "numeric"),
    ("-1e100", "numeric"),
    ("1e-100", "numeric"),
    ("1e20000", "numeric"),
    ("9223372036854775807", "bigint numeric"),
    ("-9223372036854775808", "bigint numeric"),
    ("9223372036854775807.0", "bigint numeric"),
    ("9223372036854775808", "numeric"),
    ("-9223372036854775809", "numeric"),
    ("9223372036854775807.5", "numeric"),
    ("123456789012345678", "bigint numeric"),
    ("1234567890123456789012345678901234567890", "numeric"),
    (r#""""#, "text"),
    (r#"" ""#, "text"),
    (r#""1""#, "text"),
    (r#""-1.5e3""#, "text"),
    (r#""true""#, "text"),
    (r#""null""#, "text"),
    (r#""{}""#, "text"),
    (r#""NaN""#, "text"),
    (r#""infinity""#, "text"),
    (r#""é \"quoted\" \\ \n""#, "text"),
    (r#""2016-12-31""#, "text date"),
    (r#""0000-01-01""#, "text"),
    (r#""2016-12-31T23:59:60Z""#, "text timestamptz"),
    (r#""2016-12-31T00:00:00+23:59""#, "text timestamptz"),
    (r#""0000-01-01T00:00:00Z""#, "text"),
    ("[]", ""),
    (r#"{"p": 1, "q": [null, {"p": "x"}]}"#, ""),
    (r#"["x", 1, null]"#, ""),
];

/// One relation per type, each with every value.
fn all_shapes() -> Fixture {
    let f = fixture();
    let types: Vec<_> = TYPES
        .iter()
        .map(|(name, schema, _)| form_type(name, &format!(r#""p": {schema}"#)))
        .collect();
    f.publish(&types);
    for (name, ..) in TYPES {
        let rows =
            VALUES.map(|(value, _)| format!(r#"('{name}', '{{"p": {value}, "other": {value}}}')"#));
        f.database.sql(&format!("INSERT INTO forms (form_type, data) VALUES {}", rows.join(",")));
    }
    f
}

#[test]
fn each_value_is_in_its_column_or_named_as_unreadable() {
    let f = all_shapes();
    for (name, ..) in TYPES {
        let rows = f.read(&format!(
            "SELECT p IS NOT NULL, coalesce('p' = ANY (unreadable), false), extra ? 'other' AND NOT extra ? 'p'
                 FROM submissions.\"{name}\" ORDER BY id"
        ));
        assert_eq!(rows.lines().count(), VALUES.len(), "{name}");
        for ((value, fits), row) in VALUES.iter().zip(rows.lines()) {
            let fits = name == "jsonb" || fits.split(' ').any(|one| one == name);
            let expected = match (*value, fits) {
                ("null", _) => "f|f|t",
                (_, true) => "t|f|t",
                (_, false) => "f|t|t",
            };
            assert_eq!(row, expected, "{value} as {name}");
        }
    }
}

#[test]
fn a_value_in_its_column_is_the_one_that_was_sent() {
    let f = all_shapes();
    for (name, ..) in TYPES {
        // jsonb compares numbers by their value.
        let different = f.read(&format!(
            "SELECT f.data -> 'p', v.p FROM submissions.\"{name}\" v JOIN forms f USING (id)
                 WHERE v.p IS NOT NULL AND CASE '{name}'
                     WHEN 'date' THEN to_jsonb(v.p) <> f.data -> 'p'
                     WHEN 'timestamptz' THEN false
                     ELSE to_jsonb(v.p) <> f.data -> 'p' END"
        ));
        assert_eq!(different, "", "{name}");
    }
    let scale = "SELECT p FROM submissions.numeric WHERE p = 1.5";
    assert_eq!(f.read(scale), "1.50");
}

#[test]
fn a_filter_on_any_column_fails_for_no_value() {
    let f = all_shapes();
    for (name, _, sample) in TYPES {
        let mut queries = String::new();
        for filter in [
            format!("p = '{sample}'"),
            format!("p <> '{sample}'"),
            format!("p >= '{sample}' AND p IS NOT NULL"),
            format!("p IN ('{sample}', '{sample}')"),
            "p IS NULL".to_owned(),
            "p::text LIKE '%1%'".to_owned(),
            format!("NOT p = '{sample}' OR extra IS NULL OR 'p' = ANY (unreadable)"),
        ] {
            for query in ["SELECT *", "SELECT count(p), max(id)", "SELECT p, count(*)"] {
                let group = if query.contains("p, ") { "GROUP BY p ORDER BY p" } else { "" };
                queries += &format!("{query} FROM submissions.\"{name}\" WHERE {filter} {group};");
            }
        }
        f.read(&queries);
    }
}

#[test]
fn data_that_is_not_an_object_is_in_extra_as_a_whole() {
    let f = fixture();
    f.publish(&[form_type("form", r#""data": {}, "n": {"type": "integer"}"#)]);
    let shapes = [r#""{\"data\": 1}""#, r#"["data", "n"]"#, "1", "true", "null", "[]"];
    for shape in shapes {
        f.insert("form", shape);
    }
    let rows = f.read("SELECT extra FROM submissions.form WHERE data IS NULL AND n IS NULL AND unreadable IS NULL ORDER BY id");
    assert_eq!(rows.lines().collect::<Vec<_>>(), shapes);
    f.insert("form", "{}");
    f.insert("form", r#"{"data": 1, "n": 2}"#);
    f.insert("form", r#"{"data": null, "n": null, "o": null}"#);
    let rows =
        f.read("SELECT data, n, extra, unreadable FROM submissions.form ORDER BY id OFFSET 6");
    assert_eq!(rows, "|||\n1|2||\n||{\"o\": null}|");
}

#[test]
fn a_property_with_two_types_is_readable_if_one_fits() {
    let f = fixture();
    f.publish(&[form_type("t", r#""p": {"type": "integer"}"#)]);
    f.publish(&[form_type("t", r#""p": {"type": "string", "format": "date"}"#)]);
    for value in ["5", r#""2016-01-01""#, r#""x""#, "null", "1.5"] {
        f.insert("t", &format!(r#"{{"p": {value}}}"#));
    }
    assert_eq!(
        f.read("SELECT p, p_2, unreadable FROM submissions.t ORDER BY id"),
        "5||\n|2016-01-01|\n||{p}\n||\n||{p}"
    );
    // The first type comes back to its column.
    f.publish(&[form_type("t", r#""p": {"type": "integer"}"#)]);
    assert_eq!(f.read("SELECT count(*) FROM relation_columns"), "2");
}
