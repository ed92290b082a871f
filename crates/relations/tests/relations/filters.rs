//! Conditions.

use relations::{Error, Filter, Selection};

use crate::support::{Fixture, first_page, fixture, selection, text};

fn with_rows() -> Fixture {
    let f = fixture();
    f.database.sql(
        r#"INSERT INTO "org.ds"."L0" (id, name, big, price, yes, day, at_tz, code, fixed, json, list) VALUES
            (1, 'Ann', 5, 1.00, true, '2020-01-01', '2020-01-01 00:00Z', 'abcde', 'ab', '{}', '{}'),
            (2, 'b,c', 50, 1.01, false, '2020-01-02', '2020-06-01 00:00Z', 'abcdf', 'abc', null, null),
            (3, '100%', null, null, null, null, null, null, null, 'null', null),
            (4, '', -5, 0, true, '0044-03-15 BC', 'infinity', '', '', '[]', '{x}')"#,
    );
    f
}

fn found(f: &Fixture, filters: &[(&str, &str)]) -> String {
    text(&f.page(&selection(f.dataset(), &["id"], filters), first_page()))
        .replace("{\"id\":", "")
        .replace('}', "")
}

#[test]
fn each_operator_finds_what_it_says() {
    let f = with_rows();
    for (column, condition, ids) in [
        ("name", "eq.Ann", "1"),
        ("name", "eq.", "4"),
        ("name", "neq.Ann", "2,3,4"),
        ("name", "not.eq.Ann", "2,3,4"),
        ("name", "like.*n*", "1"),
        ("name", "ilike.a*", "1"),
        ("name", "like.100\\%", "3"),
        ("name", "in.(Ann,\"b,c\")", "1,2"),
        ("name", "in.()", ""),
        ("big", "gt.5", "2"),
        ("big", "gte.5", "1,2"),
        ("big", "lt.5", "4"),
        ("big", "lte.5", "1,4"),
        ("big", "is.null", "3"),
        ("big", "not.is.null", "1,2,4"),
        ("big", "is.not_null", "1,2,4"),
        ("big", "in.(5,-5)", "1,4"),
        ("yes", "is.true", "1,4"),
        ("yes", "is.unknown", "3"),
        ("yes", "eq.false", "2"),
        ("day", "lt.2020-01-02", "1,4"),
        ("price", "eq.1.005", ""),
        ("price", "eq.1.0", "1"),
        ("code", "eq.abcdef", ""),
        ("code", "eq.abcde", "1"),
        ("fixed", "eq.ab", "1"),
        ("json", "is.null", "2"),
        ("list", "is.not_null", "1,4"),
        ("at_tz", "gte.2020-06-01T01:00:00 01:00", "2,4"),
        ("at_tz", "gt.2020-06-01T01:00:00+01:00", "4"),
    ] {
        assert_eq!(found(&f, &[(column, condition)]), ids, "{column}={condition}");
    }
}

#[test]
fn all_conditions_must_hold() {
    let f = with_rows();
    assert_eq!(found(&f, &[("big", "gte.-5"), ("big", "lt.50"), ("yes", "is.true")]), "1,4");
}

#[test]
fn a_time_without_an_offset_is_in_the_time_zone() {
    let f = with_rows();
    let mut selection =
        selection(f.dataset(), &["id", "at_tz"], &[("at_tz", "eq.2020-06-01T01:00:00")]);
    assert_eq!(text(&f.page(&selection, first_page())), "");
    selection.time_zone = "Europe/London".to_owned();
    let page = f.page(&selection, first_page());
    assert_eq!(text(&page), r#"{"id":2,"at_tz":"2020-06-01T01:00:00+01:00"}"#);
}

#[test]
fn a_value_that_does_not_fit_names_its_parameter_and_type_and_not_the_value() {
    let f = with_rows();
    for (column, condition, pg_type) in [
        ("big", "eq.secret", "bigint"),
        ("big", "eq.9223372036854775808", "bigint"),
        ("day", "gt.2020-02-30", "date"),
        ("uuid", "in.(secret)", "uuid"),
        ("yes", "eq.secret", "boolean"),
        ("at_tz", "eq.secret", "timestamp with time zone"),
        ("price", "eq.secret", "numeric(10,2)"),
    ] {
        let selection = selection(f.dataset(), &[], &[("name", "eq.x"), (column, condition)]);
        match selection.page(&f.store, &first_page()) {
            Err(Error::Parameter(error)) => {
                assert_eq!(error.to_string(), format!("{column}: the value is no {pg_type}"));
            }
            other => panic!("{column}={condition}: {other:?}"),
        }
    }
}

#[test]
fn a_wrong_value_is_wrong_in_an_empty_relation_too() {
    let f = fixture();
    let selection = selection(f.dataset(), &[], &[("big", "eq.x")]);
    assert!(matches!(selection.page(&f.store, &first_page()), Err(Error::Parameter(_))));
}

#[test]
fn conditions_that_cannot_be_are_refused() {
    let f = fixture();
    let relation = f.dataset();
    for (column, condition) in [
        ("nothing", "eq.1"),
        ("name\"", "eq.1"),
        ("json", "eq.{}"),
        ("list", "in.(a)"),
        ("big", "like.1*"),
        ("name", "is.true"),
        ("name", "eq.a\0b"),
        ("name", "like.a\\"),
        ("name", "1"),
    ] {
        assert!(
            Filter::parse(&relation, column, column, condition).is_err(),
            "{column}={condition}"
        );
    }
}

#[test]
fn sql_in_names_and_values_stays_text() {
    let f = with_rows();
    f.database.sql(r#"ALTER TABLE "org.ds"."L0" ADD COLUMN "x"" FROM forms; --" text"#);
    let name = "x\" FROM forms; --";
    f.database.sql(r#"UPDATE "org.ds"."L0" SET "x"" FROM forms; --" = '''; drop table forms; --' WHERE id = 1"#);
    let value = "eq.'; drop table forms; --";
    assert_eq!(found(&f, &[(name, value)]), "1");
    let page = f.page(&selection(f.dataset(), &[name], &[("id", "eq.1")]), first_page());
    assert_eq!(text(&page), r#"{"x\" FROM forms; --":"'; drop table forms; --"}"#);
    assert!(Selection::all(f.dataset()).of_columns("columns", &["id", "1; select 2"]).is_err());
}
