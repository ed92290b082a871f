//! What a view shows, and how its columns are called.

use std::thread;

use store::{PublishError, Published};

use super::form_type;
use crate::support::{fixture, store_on, submission};

const COLUMNS: &str = "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute
    WHERE attrelid = 'submissions.\"event-booking\"'::regclass AND attnum > 0 ORDER BY attnum";

#[test]
fn a_view_has_our_columns_and_then_the_properties_in_their_order() {
    let f = fixture();
    let booking = form_type(
        "event-booking",
        r#""name": {"type": "string"}, "born": {"type": "string", "format": "date"},
           "at": {"type": "string", "format": "date-time"}, "seats": {"type": "integer"},
           "price": {"type": "number"}, "vip": {"type": "boolean"}, "guests": {"type": "array"}"#,
    );
    assert_eq!(f.publish(std::slice::from_ref(&booking)), ["event-booking", "erasures"]);
    assert_eq!(
        f.database.sql(COLUMNS),
        "id|bigint\nsubmission_id|uuid\nreceived_at|timestamp with time zone\ncreated|timestamp with time zone\n\
         schema_digest|text\nextra|jsonb\nunreadable|text[]\n\
         name|text\nborn|date\nat|timestamp with time zone\nseats|bigint\nprice|numeric\nvip|boolean\nguests|jsonb"
    );
    assert_eq!(f.publish(&[booking]), [""; 0]);
}

#[test]
fn a_row_is_shown_unless_it_was_erased_or_is_above_the_watermark() {
    let f = fixture();
    f.publish(&[form_type("form", r#""data": {}"#)]);
    f.store.insert_once(&[submission(1, r#"{"data": 1}"#), submission(2, r#"{"data": 2}"#)]);
    assert_eq!(f.database.sql("SELECT count(*) FROM submissions.form"), "0");
    f.database.sql("UPDATE forms SET schema_digest = CASE id WHEN 1 THEN '\\xabcd'::bytea END");
    assert_eq!(
        f.read("SELECT id, submission_id, received_at, schema_digest, extra, unreadable, data FROM submissions.form ORDER BY id"),
        "1|00000000-0000-0000-0000-000000000001|2026-11-21 01:02:03.456789+00|abcd|||1\n\
         2|00000000-0000-0000-0000-000000000002|2026-11-21 01:02:03.456789+00||||2"
    );
    f.database.sql(
        "SELECT erase_submission('form', '00000000-0000-0000-0000-000000000001', NULL, 'request')",
    );
    assert_eq!(f.read("SELECT id FROM submissions.form"), "2");
    f.database.sql("SELECT advance_watermark('erasures'), advance_watermark('erasures')");
    assert_eq!(
        f.read("SELECT form_type, form_id, sqs_message_id, reason FROM submissions.erasures"),
        "form|1|message-0001|request"
    );
}

#[test]
fn any_name_of_a_property_works() {
    let f = fixture();
    let names = [
        "",
        " ",
        "0",
        "id",
        "extra",
        "a\\\"b",
        "it's",
        "$.x",
        "a.b[0]",
        "back\\\\slash",
        "\\u0007\\n",
        "ctid",
        "tableoid",
        "select",
        "Größe",
        "quote''s",
        "%s",
        "{}",
        "a,b",
        "NULL",
    ];
    let long = "x".repeat(64);
    let properties: Vec<String> = names
        .iter()
        .chain([&long.as_str()])
        .map(|name| format!(r#""{name}": {{"type": "string"}}"#))
        .collect();
    f.publish(&[form_type("t", &properties.join(","))]);
    let members = |value: &str| -> String {
        let members: Vec<String> =
            names.iter().chain([&long.as_str()]).map(|n| format!(r#""{n}": {value}"#)).collect();
        format!("{{{}}}", members.join(","))
    };
    f.insert("t", &members(r#""value""#));
    f.insert("t", &members("7"));
    let row = f.read("SELECT * FROM submissions.t ORDER BY id LIMIT 1");
    assert_eq!(row.matches("value").count(), names.len() + 1, "{row}");
    let columns = f.read(
        "SELECT string_agg(format('%I IS NULL', attname), ' AND ') FROM pg_attribute
             WHERE attrelid = 'submissions.t'::regclass AND attnum > 7",
    );
    assert_eq!(
        f.read(&format!(
            "SELECT cardinality(unreadable), extra IS NULL FROM submissions.t WHERE {columns}"
        )),
        format!("{}|t", names.len() + 1)
    );
    let own = f.read("SELECT column_name FROM relation_columns WHERE property = 'id'");
    assert!(own.starts_with("id_") && own.len() == 11, "{own}");
}

#[test]
fn titles_and_descriptions_become_comments() {
    let f = fixture();
    let comment = "SELECT col_description('submissions.t'::regclass, 8)";
    for (schema, expected) in [
        (r#""p": {"title": "Name"}"#, "Name"),
        (
            r#""p": {"title": "Your name", "description": "As it's in the passport"}"#,
            "Your name\nAs it's in the passport",
        ),
        // Says nothing, so it changes nothing.
        (r#""p": {}"#, "Your name\nAs it's in the passport"),
    ] {
        f.publish(&[form_type("t", schema)]);
        assert_eq!(f.database.sql(comment), expected);
    }
    assert_ne!(f.database.sql("SELECT col_description('submissions.t'::regclass, 1)"), "");
}

#[test]
fn after_1500_columns_the_rest_stays_in_extra() {
    let f = fixture();
    let properties: Vec<String> =
        (0..1510).map(|n| format!(r#""p{n}": {{"type": "integer"}}"#)).collect();
    f.publish(&[form_type("t", &properties.join(","))]);
    f.insert("t", r#"{"p0": 0, "p1499": 1499, "p1500": 1500, "p1509": 1509}"#);
    assert_eq!(
        f.read("SELECT p0, p1499, extra FROM submissions.t"),
        r#"0|1499|{"p1500": 1500, "p1509": 1509}"#
    );
    f.read("SELECT * FROM submissions.t");
}

#[test]
fn a_view_with_1500_times_is_read() {
    let f = fixture();
    let properties: Vec<String> = (0..1500)
        .map(|n| format!(r#""p{n}": {{"type": "string", "format": "date-time"}}"#))
        .collect();
    f.publish(&[form_type("t", &properties.join(","))]);
    f.insert(
        "t",
        r#"{"p0": "2016-01-02T03:04:05Z", "p1": "x", "p1499": "2016-01-02T03:04:05+01:00"}"#,
    );
    assert_eq!(
        f.read("SELECT p0, p1, p1499, unreadable FROM (SELECT * FROM submissions.t OFFSET 0) t"),
        "2016-01-02 03:04:05+00||2016-01-02 02:04:05+00|{p1}"
    );
}

#[test]
fn form_types_without_a_schema_and_those_no_longer_served_have_a_view() {
    let f = fixture();
    f.publish(&[form_type("old", r#""p": {}"#)]);
    f.insert("other", r#"{"p": 1}"#);
    f.insert("old", r#"{"p": 1}"#);
    // Nobody could have a view with such a name.
    f.insert(&"x".repeat(60), "{}");
    f.insert("erasures", "{}");
    assert_eq!(f.publish(&[]), ["other"]);
    assert_eq!(f.read("SELECT extra FROM submissions.other"), r#"{"p": 1}"#);
    assert_eq!(f.read("SELECT p FROM submissions.old"), "1");
    assert_eq!(
        f.read("SELECT schema, name, key_column FROM relations ORDER BY name"),
        "submissions|erasures|id\nsubmissions|old|id\nsubmissions|other|id"
    );
    // A view that somebody dropped comes back.
    f.database.sql("DROP VIEW submissions.old");
    assert_eq!(f.publish(&[]), ["old"]);
}

#[test]
fn a_view_in_use_holds_up_no_other_view_and_no_index_and_is_replaced_afterwards() {
    let f = fixture();
    let two = |properties| ["in-use", "other"].map(|name| form_type(name, properties));
    f.publish(&two(r#""p": {}"#));
    let report = f.session_that("BEGIN; SELECT * FROM submissions.\"in-use\"");
    let changed = two(r#""q": {}"#);
    thread::scope(|scope| {
        let publishing = scope.spawn(|| f.store.publish(&changed));
        f.wait_for_blocked();
        // Nobody waits behind it for more than a second.
        f.database.sql("SET statement_timeout = '3s'; SELECT * FROM submissions.\"in-use\"");
        let Published { done, failed } = publishing.join().unwrap().unwrap();
        assert_eq!(done, ["other"]);
        assert_eq!(failed, [PublishError::Busy { relation: "submissions.in-use".to_owned() }]);
    });
    assert_eq!(f.index(), ["in-use", "other"]);
    drop(report);
    assert_eq!(f.publish(&changed), ["in-use"]);
}

#[test]
fn a_view_that_postgresql_refuses_holds_up_no_other_and_is_not_forgotten() {
    let f = fixture();
    f.publish(&[]);
    // Somebody has made something else of this name.
    f.database.sql("CREATE TABLE submissions.a (id bigint)");
    f.insert("a", "{}");
    f.insert("b", "{}");
    f.advance();
    for expected in [&["b", "c"][..], &[]] {
        let Published { done, failed } = f.store.publish(&[form_type("c", "")]).unwrap();
        assert_eq!(done, expected);
        let [PublishError::Failed { relation, message }] = &failed[..] else {
            panic!("{failed:?}")
        };
        assert_eq!(relation, "submissions.a");
        assert!(message.contains("is not a view"), "{message}");
    }
    f.database.sql("DROP TABLE submissions.a");
    assert_eq!(f.publish(&[]), ["a"]);
}

#[test]
fn a_role_that_may_not_create_the_schema_says_what_to_run() {
    let f = fixture();
    let role = format!("{}_owner", f.database.name());
    f.database.sql(&format!(
        "DROP SCHEMA submissions; CREATE ROLE {role} LOGIN PASSWORD 'owner';
         GRANT USAGE, CREATE ON SCHEMA public TO {role};
         DO $$ DECLARE owned text; BEGIN
             FOR owned IN SELECT CASE relkind WHEN 'r' THEN 'TABLE ' ELSE 'VIEW ' END || oid::regclass
                     FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')
                 UNION SELECT 'FUNCTION ' || oid::regprocedure FROM pg_proc WHERE pronamespace = 'public'::regnamespace
             LOOP EXECUTE 'ALTER ' || owned || ' OWNER TO {role}'; END LOOP;
         END $$"
    ));
    let store = store_on(&f.database.url_as(&role, "owner"), |_| {});
    assert_eq!(store.publish(&[]), Err(PublishError::NoSchema));
    f.database.sql(&format!("CREATE SCHEMA submissions AUTHORIZATION {role}"));
    assert_eq!(store.publish(&[]).unwrap().done, ["erasures"]);
    drop(store);
    f.database.sql(&format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{role}';
         DROP OWNED BY {role} CASCADE; DROP ROLE {role}"
    ));
}

#[test]
fn an_analyst_needs_no_right_on_forms() {
    let f = fixture();
    let role = format!("{}_analyst", f.database.name());
    f.publish(&[form_type("t", r#""p": {"type": "string", "format": "date"}"#)]);
    f.insert("t", r#"{"p": "2016-01-01"}"#);
    f.advance();
    f.database.sql(&format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'analyst'; GRANT USAGE ON SCHEMA submissions TO {role};
         GRANT SELECT ON submissions.t TO {role}; GRANT EXECUTE ON FUNCTION read_date, read_time, frequent_parts TO {role}"
    ));
    let url = f.database.url_as(&role, "analyst");
    let read = |sql: &str| test_kit::postgres::sql(&url, sql);
    assert_eq!(read("SELECT p FROM submissions.t").unwrap(), "2016-01-01");
    for table in ["forms", "relations", "relation_columns", "form_schemas", "watermarks"] {
        let error = read(&format!("SELECT * FROM public.{table}")).unwrap_err().to_string();
        assert!(error.contains("permission denied"), "{error}");
    }
    f.database.sql(&format!("DROP OWNED BY {role}; DROP ROLE {role}"));
}

#[test]
fn a_schema_is_recorded_once_with_its_digest() {
    let f = fixture();
    let schema = r#"{"properties": {"é": {"maximum": 1E5, "default": 1.0}}, "$comment": "\u0000 \ud83d\ude00"}"#;
    let form_type = domain::FormType::from_schema("t", schema).unwrap();
    for _ in 0..2 {
        f.store.record_schema(&form_type).unwrap();
    }
    assert_eq!(
        f.database.sql("SELECT form_type, encode(digest, 'hex') FROM form_schemas"),
        format!("t|{}", form_type.schema_digest())
    );
    assert_eq!(f.database.sql("SELECT schema FROM form_schemas"), form_type.canonical_schema());
}
