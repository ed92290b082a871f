//! The text of the view of a form type.

use domain::PropertyType;

use super::{
    columns::Column,
    frequent::{is_date, is_time},
};

/// The columns that every view has before its properties, with their comments.
pub(super) const OURS: [(&str, &str); 7] = [
    ("id", "The number of the submission; follow the relation by it."),
    ("submission_id", "The id in the 202; null for a message of the service of 2016."),
    ("received_at", "When the api accepted the form; null for a message of the service of 2016."),
    ("created", "When the row was stored."),
    (
        "schema_digest",
        "The SHA-256 of the schema against which the form was checked, if the api sent it.",
    ),
    ("extra", "The fields that have no column; data that is not an object is here as a whole."),
    ("unreadable", "The fields whose value is not null and fits none of their columns."),
];

/// The fields.
const DATA: &str = "f.data";

/// The query of the view. `home` is the schema of `forms`, quoted if necessary.
///
/// Each expression is written out at its column, so that PostgreSQL computes only the columns that
/// a query uses, and computes them only for rows that pass its filter.
pub(super) fn definition(home: &str, form_type: &str, columns: &[Column]) -> String {
    let mut properties: Vec<&str> = Vec::new();
    for column in columns {
        if !properties.contains(&column.property.as_str()) {
            properties.push(&column.property);
        }
    }
    let values: String = columns
        .iter()
        .map(|column| {
            format!(",\n    {} AS {}", value(home, DATA, column), identifier(&column.name))
        })
        .collect();
    format!(
        "SELECT f.id, f.submission_id, f.received_at, f.created,\n    \
             encode(f.schema_digest, 'hex') AS schema_digest,\n    \
             {extra} AS extra,\n    \
             {unreadable} AS unreadable{values}\n\
         FROM {home}.forms f\n\
         WHERE f.form_type = {form_type} AND f.erased_at IS NULL\n    \
             AND f.id <= (SELECT w.id FROM {home}.watermarks w WHERE w.relation = 'forms')",
        extra = extra(&properties),
        unreadable = unreadable(home, &properties, columns),
        form_type = literal(form_type),
    )
}

/// The value of a column: null if the sent value does not fit its type.
fn value(home: &str, data: &str, Column { property, column_type, .. }: &Column) -> String {
    let (text, json) = (as_text(data, property), as_json(data, property));
    match column_type {
        PropertyType::Text => format!("CASE WHEN {} THEN {text} END", is_string(data, property)),
        PropertyType::Date => once(
            &format!("CASE WHEN {} THEN o.v::date ELSE {home}.read_date(o.v) END", is_date("o.v")),
            &text,
        ),
        PropertyType::DateTime => once(
            &format!(
                "CASE WHEN {} THEN o.v::timestamptz ELSE {home}.read_time(o.v) END",
                is_time("o.v")
            ),
            &text,
        ),
        PropertyType::Integer => once(&integer(&json, "o.v"), &text),
        PropertyType::Number => {
            format!("CASE WHEN jsonb_typeof({json}) = 'number' THEN {json}::numeric END")
        }
        PropertyType::Boolean => {
            format!("CASE {json} WHEN 'true'::jsonb THEN true WHEN 'false'::jsonb THEN false END")
        }
        PropertyType::Json => format!("nullif({json}, 'null'::jsonb)"),
    }
}

/// Most integers are short. JSON Schema takes 1.0 for an integer.
fn integer(json: &str, text: &str) -> String {
    format!(
        "CASE WHEN jsonb_typeof({json}) = 'number' THEN \
             CASE WHEN length({text}) < 19 AND strpos({text}, '.') = 0 THEN {text}::bigint \
             WHEN {text}::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 \
                 AND {text}::numeric % 1::numeric = 0::numeric THEN {text}::numeric::bigint END END"
    )
}

/// An expression over `o.v`, for which PostgreSQL computes this value once. If it had the value in
/// several places, it would decompress the fields of a large form for each of them.
fn once(expression: &str, value: &str) -> String {
    format!("(SELECT {expression} FROM (SELECT {value} AS v OFFSET 0) o)")
}

/// Whether the column's value is null because `text`, the sent value, does not fit. It is not null.
fn does_not_fit(home: &str, data: &str, text: &str, column: &Column) -> String {
    let json = as_json(data, &column.property);
    match column.column_type {
        // A string is the one jsonb value that has its own text as an element.
        PropertyType::Text => format!("NOT {json} ? {text}"),
        PropertyType::Number => format!("jsonb_typeof({json}) <> 'number'"),
        PropertyType::Boolean => format!("{json} NOT IN ('true'::jsonb, 'false'::jsonb)"),
        PropertyType::Json => "false".to_owned(),
        PropertyType::Date => {
            format!("({}) IS NOT TRUE AND {home}.read_date({text}) IS NULL", is_date(text))
        }
        PropertyType::DateTime => {
            format!("({}) IS NOT TRUE AND {home}.read_time({text}) IS NULL", is_time(text))
        }
        PropertyType::Integer => format!("({}) IS NULL", integer(&json, text)),
    }
}

fn extra(properties: &[&str]) -> String {
    let rest = if properties.is_empty() {
        "f.data".to_owned()
    } else {
        let names: Vec<String> = properties.iter().map(|name| literal(name)).collect();
        format!(
            "CASE WHEN jsonb_typeof(f.data) = 'object' THEN f.data - ARRAY[{}]::text[] ELSE f.data END",
            names.join(", ")
        )
    };
    format!("nullif({rest}, '{{}}'::jsonb)")
}

/// The fields are decompressed once, and each property is taken out of them once: these are what
/// costs most.
fn unreadable(home: &str, properties: &[&str], columns: &[Column]) -> String {
    let mut texts = String::new();
    let mut cases = Vec::new();
    for (number, property) in properties.iter().enumerate() {
        let own = || columns.iter().filter(|column| column.property == *property);
        if own().any(|column| column.column_type == PropertyType::Json) {
            continue;
        }
        let text = format!("t.t{number}");
        let misfits: Vec<String> =
            own().map(|column| does_not_fit(home, "t.data", &text, column)).collect();
        texts += &format!(", {} AS t{number}", as_text("d.data", property));
        cases.push(format!(
            "CASE WHEN {text} IS NOT NULL AND {} THEN {}::text END",
            misfits.join(" AND "),
            literal(property)
        ));
    }
    if cases.is_empty() {
        return "NULL::text[]".to_owned();
    }
    // An empty path returns the whole, decompressed. OFFSET keeps the queries from becoming one.
    format!(
        "(SELECT nullif(array_remove(ARRAY[{}], NULL), '{{}}'::text[])\n        \
             FROM (SELECT d.data{texts}\n        \
             FROM (SELECT {DATA} #> '{{}}'::text[] AS data OFFSET 0) d OFFSET 0) t)",
        cases.join(",\n        ")
    )
}

fn as_text(data: &str, property: &str) -> String {
    format!("({data} ->> {}::text)", literal(property))
}

fn as_json(data: &str, property: &str) -> String {
    format!("({data} -> {}::text)", literal(property))
}

/// A path that is true for strings alone. `jsonb_typeof` needs the value as jsonb, and making that
/// takes twice as long.
fn is_string(data: &str, property: &str) -> String {
    let mut key = String::new();
    for c in property.chars() {
        match c {
            '"' | '\\' => key.extend(['\\', c]),
            c if c.is_control() => key.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => key.push(c),
        }
    }
    format!("{data} @@ {}::jsonpath", literal(&format!("strict $.\"{key}\" starts with \"\"")))
}

pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Right while `standard_conforming_strings` is on, as it is by default.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
