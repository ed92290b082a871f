//! What there is, and its columns.

use relations::{Relation, RelationName, published};

use crate::support::fixture;

#[test]
fn the_columns_have_the_names_of_the_old_consumer_and_those_of_postgresql() {
    let f = fixture();
    let relation = f.dataset();
    let columns: Vec<String> = relation
        .columns
        .iter()
        .map(|c| format!("{} {} {} {}", c.name, c.consumer_type(), c.pg_type, c.nullable))
        .collect();
    assert_eq!(
        columns,
        [
            "id BIGINT bigint false",
            "small INTEGER smallint true",
            "whole INTEGER integer true",
            "big BIGINT bigint true",
            "price NUMERIC numeric(10,2) true",
            "n NUMERIC numeric true",
            "real FLOAT real true",
            "double FLOAT double precision true",
            "yes BOOLEAN boolean true",
            "name TEXT text true",
            "code TEXT character varying(5) true",
            "fixed TEXT character(3) true",
            "day DATE date true",
            "at TIMESTAMP WITHOUT TIME ZONE timestamp without time zone true",
            "at_tz TIMESTAMP WITHOUT TIME ZONE timestamp with time zone true",
            "clock TEXT time without time zone true",
            "span TEXT interval true",
            "uuid TEXT uuid true",
            "bytes TEXT bytea true",
            "json TEXT jsonb true",
            "list TEXT[] text[] true",
            "numbers NUMERIC[] numeric[] true",
            "data_hash TEXT text true",
        ]
    );
    let name = relation.column("name").unwrap();
    assert_eq!(name.description.as_deref(), Some("What it is called"));
}

#[test]
fn what_is_not_published_does_not_exist() {
    let f = fixture();
    f.database.sql(r#"CREATE TABLE "org.ds"."L1" (id bigint); INSERT INTO relations VALUES ('org.ds', 'gone', 'id', '')"#);
    for (schema, table) in [
        ("org.ds", "L1"),
        ("org.ds", "gone"),
        ("public", "forms"),
        ("public", "relations"),
        ("pg_catalog", "pg_class"),
        ("org", "ds"),
        ("org.ds", "l0"),
        ("", ""),
        ("a\0", "b"),
        ("org.ds\"; drop table forms; --", "L0"),
        ("org.ds", "L0' or '1'='1"),
    ] {
        let found = Relation::find(&f.store, &RelationName::new(schema, table)).unwrap();
        assert_eq!(found, None, "{schema}/{table}");
    }
    f.store.publish(&[]).unwrap();
    let names: Vec<String> = published(&f.store).unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(names, ["org.ds/L0", "submissions/erasures"]);
}

#[test]
fn the_version_changes_with_the_columns() {
    let f = fixture();
    let before = f.dataset();
    assert_eq!(f.dataset().version, before.version);
    f.database.sql(r#"ALTER TABLE "org.ds"."L0" ADD COLUMN more text"#);
    assert_ne!(f.dataset().version, before.version);
}

#[test]
fn under_its_old_name_a_form_type_has_json_as_text() {
    let f = fixture();
    let relation = f.submissions(r#""tags": {"type": "array"}"#, &[r#"{"tags": [1, "a"]}"#]);
    let alias = f.relation("submissions.registration", "L0");
    let tags = |relation: &Relation| {
        let selection = crate::support::selection(relation.clone(), &["tags"], &[]);
        crate::support::text(&f.page(&selection, crate::support::first_page()))
    };
    assert_eq!(tags(&relation), r#"{"tags":[1, "a"]}"#);
    assert_eq!(tags(&alias), r#"{"tags":"[1, \"a\"]"}"#);
    assert_eq!(alias.name.to_string(), "submissions/registration");
}
