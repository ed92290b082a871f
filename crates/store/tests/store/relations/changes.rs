//! Two workers whose schemas change, and analysts with views of their own.

use diesel::{
    PgConnection, RunQueryDsl, connection::SimpleConnection, sql_query, sql_types::BigInt,
};
use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};

use super::form_type;
use crate::support::fixture;

const CHANGES: usize = 200;

const TYPES: [&str; 14] = [
    r#"{"type": "string"}"#,
    r#"{"type": ["string", "null"], "minLength": 1}"#,
    r#"{"type": "string", "format": "date"}"#,
    r#"{"type": "string", "format": "date-time"}"#,
    r#"{"type": "integer"}"#,
    r#"{"type": "integer", "maximum": 1e30}"#,
    r#"{"type": "number"}"#,
    r#"{"type": "boolean"}"#,
    r#"{"type": "array", "items": {"type": "string"}}"#,
    r#"{"type": "object", "properties": {"inner": {"type": "string"}}}"#,
    r##"{"$ref": "#/$defs/address"}"##,
    r#"{"oneOf": [{"type": "string"}, {"type": "integer"}]}"#,
    r#"{"enum": ["a", "b", null]}"#,
    r#"{"const": 5, "title": "five"}"#,
];

const VALUES: [&str; 16] = [
    "null",
    "true",
    "1",
    "1.0",
    "-0",
    "1e100",
    "123456789012345678901234567890",
    r#""""#,
    r#""x""#,
    r#""2016-12-31""#,
    r#""0000-01-01""#,
    r#""2016-12-31T23:59:60Z""#,
    r#""2016-12-31T00:00:00+23:59""#,
    "[]",
    r#"["x", {"y": null}]"#,
    r#"{"inner": {"p1": 1}}"#,
];

/// Where a schema names a property.
const PLACES: usize = 4;

/// The schema of one of the workers: for each property its place and its type.
type Schema = Vec<(String, usize, &'static str)>;

fn change(schema: &mut Schema, random: &mut StdRng) {
    let name = format!("p{}", random.random_range(0..12));
    let place = random.random_range(0..PLACES);
    let one = *TYPES.choose(random).unwrap();
    match (random.random_range(0..4), schema.len()) {
        (0, 2..) => drop(schema.remove(random.random_range(0..schema.len()))),
        (1, 1..) => {
            let at = random.random_range(0..schema.len());
            schema[at].2 = one;
        }
        (2, 1..) => {
            let at = random.random_range(0..schema.len());
            schema[at].0 = name;
        }
        _ => schema.push((name, place, one)),
    }
    let mut seen = std::collections::HashSet::new();
    schema.retain(|(name, place, _)| seen.insert((name.clone(), *place)));
}

fn document(schema: &Schema) -> String {
    let members = |wanted: usize| -> String {
        let members: Vec<String> = schema
            .iter()
            .filter(|(_, place, _)| *place == wanted)
            .map(|(name, _, one)| format!(r#""{name}": {one}"#))
            .collect();
        members.join(",")
    };
    format!(
        r##"{{"type": "object", "$defs": {{"address": {{"type": "object"}}, "more": {{"properties": {{{}}}}}}},
            "properties": {{{}}}, "oneOf": [{{"properties": {{{}}}}}, {{"properties": {{}}}}],
            "if": {{"required": ["p1"]}}, "then": {{"properties": {{{}}}}}, "allOf": [{{"$ref": "#/$defs/more"}}]}}"##,
        members(1),
        members(0),
        members(2),
        members(3)
    )
}

#[derive(diesel::QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

fn count(session: &mut PgConnection, from: &str) -> i64 {
    sql_query(format!("SELECT count(*) AS n FROM {from}")).get_result::<Count>(session).unwrap().n
}

#[test]
fn no_change_of_a_schema_breaks_a_view_of_an_analyst_or_loses_a_row() {
    let f = fixture();
    let mut session = f.session();
    let mut random = StdRng::seed_from_u64(2026);
    let mut workers: [Schema; 2] = [vec![], vec![]];
    let mut analysts = 0;
    for step in 0..CHANGES {
        let schema = &mut workers[random.random_range(0..2)];
        change(schema, &mut random);
        let schema = domain::FormType::from_schema("t", &document(schema)).unwrap();
        f.publish(&[schema]);

        for _ in 0..2 {
            let members: Vec<String> = (0..12)
                .filter_map(|n| {
                    let value = VALUES.choose(&mut random).unwrap();
                    random.random_bool(0.7).then(|| format!(r#""p{n}": {value}"#))
                })
                .collect();
            let insert = format!(
                "INSERT INTO forms (form_type, data) VALUES ('t', '{{{}}}'), ('other', '{{}}')",
                members.join(",")
            );
            session.batch_execute(&insert).unwrap();
        }
        f.advance();
        if step % 10 == 0 {
            let create = format!("CREATE VIEW analyst_{analysts} AS SELECT * FROM submissions.t");
            session.batch_execute(&create).unwrap();
            analysts += 1;
        }
        let rows = count(&mut session, "forms WHERE form_type = 't'");
        assert_eq!(count(&mut session, "submissions.t"), rows, "step {step}");
        for analyst in 0..analysts {
            let counted = count(&mut session, &format!("analyst_{analyst}"));
            assert_eq!(counted, rows, "step {step}, analyst {analyst}");
        }
        // All columns of all rows take longer: those of one analyst at each step.
        let all_columns = |of: &str| format!("(SELECT * FROM {of} OFFSET 0) all_columns");
        let analyst = format!("analyst_{}", step % analysts);
        assert_eq!(count(&mut session, &all_columns(&analyst)), rows, "step {step}, {analyst}");
        if step % 10 < 9 {
            continue;
        }
        // And no value is lost.
        assert_eq!(count(&mut session, &all_columns("submissions.t")), rows);
        let lost = count(
            &mut session,
            "submissions.t v JOIN forms f USING (id), jsonb_each(f.data) m
                 WHERE m.value <> 'null' AND NOT coalesce(v.extra ? m.key, false)
                     AND NOT coalesce(m.key = ANY (v.unreadable), false)
                     AND NOT EXISTS (SELECT FROM relation_columns c, jsonb_each(to_jsonb(v)) shown
                         WHERE c.form_type = 't' AND c.property = m.key AND shown.key = c.column_name
                             AND shown.value <> 'null')",
        );
        assert_eq!(lost, 0, "step {step}");
    }
    let columns = count(&mut session, "relation_columns WHERE form_type = 't'");
    println!("{CHANGES} changes made {columns} columns");
    assert!(columns > 50, "{columns}");
    // Both workers end with the same view.
    let definition = "SELECT definition FROM relations WHERE name = 't'";
    let before = f.database.sql(definition);
    for schema in &workers {
        f.publish(&[domain::FormType::from_schema("t", &document(schema)).unwrap()]);
        assert_eq!(f.database.sql(definition), before);
    }
}

#[test]
fn two_workers_that_start_at_the_same_time_end_with_the_same_view() {
    let f = fixture();
    let schemas: Vec<_> = (0..4)
        .map(|n| form_type("t", &format!(r#""shared": {{"type": "string"}}, "p{n}": {{}}"#)))
        .collect();
    std::thread::scope(|scope| {
        for schema in &schemas {
            scope.spawn(|| f.publish(std::slice::from_ref(schema)));
        }
    });
    let columns = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'submissions.t'::regclass AND attnum > 0";
    assert_eq!(f.database.sql(columns), "12");
}

/// Reading all rows of a large table takes minutes.
#[test]
fn rows_are_looked_at_again_only_for_a_form_type_that_has_never_had_a_view() {
    let f = fixture();
    f.publish(&[form_type("busy", r#""p": {}"#)]);
    f.insert("busy", "{}");
    // Nobody could have a view with such a name.
    f.insert(&"x".repeat(60), "{}");
    f.advance();
    let looked_at = "SELECT up_to FROM forms_looked_at";
    let report = f.session_that("BEGIN; SELECT * FROM submissions.busy");
    let changed = [form_type("busy", r#""q": {}"#)];
    assert_eq!(f.store.publish(&changed).unwrap().failed.len(), 1);
    assert_eq!(f.database.sql(looked_at), "2");
    drop(report);

    // Somebody has made something else of this name.
    f.database.sql("CREATE TABLE submissions.taken (id bigint)");
    f.insert("taken", "{}");
    f.advance();
    assert_eq!(f.store.publish(&changed).unwrap().failed.len(), 1);
    assert_eq!(f.database.sql(looked_at), "2");
    f.database.sql("DROP TABLE submissions.taken");
    assert_eq!(f.publish(&[]), ["taken"]);
    assert_eq!(f.database.sql(looked_at), "3");
}
