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

/// The query of the view. `home` is the schema of `forms`, quoted if necessary.
///
/// PostgreSQL flattens all of this into a query of `forms` that computes only the columns that are
/// used, and only for rows that pass the filter. An expression in a subquery on the right of a LEFT
/// JOIN is computed once below the next join, if it could be other than null for a row of nulls, as
/// far as PostgreSQL knows: this is why there is `coalesce`. So
/// - the first such join is for [`shared`] expressions, and a column that uses one in several places
///   names `o.one`, which keeps the join with `o`;
/// - the second is for the columns: `unreadable` names `u.one` and uses their values.
///
/// Joins with `o` and `u` are left out of queries that do not need them. Because the outer filter
/// refuses nulls, those with an empty SELECT are left out of all.
pub(super) fn definition(home: &str, form_type: &str, columns: &[Column]) -> String {
    let mut properties: Vec<&str> = Vec::new();
    for column in columns {
        if !properties.contains(&column.property.as_str()) {
            properties.push(&column.property);
        }
    }
    let mut taken_out = String::new();
    let mut values = String::new();
    let mut names = String::new();
    for (number, column) in columns.iter().enumerate() {
        if let Some(shared) = shared(column) {
            taken_out += &format!(", {shared} AS s{number}");
        }
        values +=
            &format!(",\n        {} AS v{number}", value(home, &format!("p.s{number}"), column));
        names += &format!(",\n    q.v{number} AS {}", identifier(&column.name));
    }
    let one = "(SELECT true AS one HAVING true)";
    let ours = |from: &str| OF_FORMS.map(|column| format!("{from}.{column}")).join(", ");
    format!(
        "SELECT q.id, q.submission_id, q.received_at, q.created,\n    \
             encode(q.schema_digest, 'hex') AS schema_digest,\n    \
             {extra} AS extra,\n    \
             {unreadable} AS unreadable{names}\n\
         FROM (SELECT) a LEFT JOIN (\n    \
             SELECT {of_p}{values}\n    \
             FROM (SELECT) b LEFT JOIN (SELECT {of_f}{taken_out} FROM {home}.forms f) p ON true\n        \
                 LEFT JOIN {one} o ON true) q ON true\n    \
             LEFT JOIN {one} u ON true\n\
         WHERE q.form_type = {form_type} AND q.erased_at IS NULL\n    \
             AND q.id <= (SELECT w.id FROM {home}.watermarks w WHERE w.relation = 'forms')",
        extra = extra(&properties),
        unreadable = unreadable(&properties, columns),
        of_p = ours("p"),
        of_f = ours("f"),
        form_type = literal(form_type),
    )
}

/// The columns of `forms` that a view needs.
const OF_FORMS: [&str; 8] = [
    "id",
    "form_type",
    "submission_id",
    "received_at",
    "created",
    "schema_digest",
    "erased_at",
    "data",
];

/// What the value of a column is made from, if it needs that more than once.
fn shared(column: &Column) -> Option<String> {
    match column.column_type {
        PropertyType::Date | PropertyType::DateTime | PropertyType::Integer => {
            Some(format!("coalesce({})", as_text("f.data", &column.property)))
        }
        PropertyType::Number => Some(format!("coalesce({})", as_json("f.data", &column.property))),
        PropertyType::Text | PropertyType::Boolean | PropertyType::Json => None,
    }
}

/// The value of a column: null if the sent value does not fit its type. `shared` is the expression
/// of that function.
fn value(home: &str, shared: &str, Column { property, column_type, .. }: &Column) -> String {
    let data = "p.data";
    match column_type {
        PropertyType::Text => {
            format!("CASE WHEN {} THEN {} END", is_string(data, property), as_text(data, property))
        }
        PropertyType::Date => format!(
            "CASE WHEN o.one AND {} THEN {shared}::date ELSE {home}.read_date({shared}) END",
            is_date(home, shared)
        ),
        PropertyType::DateTime => format!(
            "CASE WHEN o.one AND {} THEN {shared}::timestamptz ELSE {home}.read_time({shared}) END",
            is_time(home, shared)
        ),
        PropertyType::Integer => integer(&is_string(data, property), shared),
        PropertyType::Number => {
            format!(
                "CASE WHEN o.one AND jsonb_typeof({shared}) = 'number' THEN {shared}::numeric END"
            )
        }
        // For anything but a boolean, the operator answers null.
        PropertyType::Boolean => {
            format!("coalesce({data} @@ {}::jsonpath)", literal(&path(property)))
        }
        PropertyType::Json => format!("nullif({}, 'null'::jsonb)", as_json(data, property)),
    }
}

/// The text of a number is below `:`, and those of other values that are not strings are above. Most
/// integers are short, and no fraction is as short as two bytes. JSON Schema takes 1.0 for an
/// integer.
fn integer(is_string: &str, text: &str) -> String {
    format!(
        "CASE WHEN o.one AND {text} COLLATE \"C\" < ':' AND ({is_string}) IS NOT TRUE THEN \
             CASE WHEN octet_length({text}) < 3 OR octet_length({text}) < 19 AND strpos({text}, '.') = 0 \
                 THEN {text}::bigint \
             WHEN {text}::numeric BETWEEN -9223372036854775808 AND 9223372036854775807 \
                 AND {text}::numeric % 1::numeric = 0::numeric THEN {text}::numeric::bigint END END"
    )
}

fn extra(properties: &[&str]) -> String {
    let rest = if properties.is_empty() {
        "q.data".to_owned()
    } else {
        let names: Vec<String> = properties.iter().map(|name| literal(name)).collect();
        format!(
            "CASE WHEN jsonb_typeof(q.data) = 'object' THEN q.data - ARRAY[{}]::text[] ELSE q.data END",
            names.join(", ")
        )
    };
    format!("nullif({rest}, '{{}}'::jsonb)")
}

/// A property is asked for only if its columns are null.
fn unreadable(properties: &[&str], columns: &[Column]) -> String {
    let mut cases = Vec::new();
    for property in properties {
        let own = || columns.iter().enumerate().filter(|(_, column)| column.property == *property);
        if own().any(|(_, column)| column.column_type == PropertyType::Json) {
            continue;
        }
        let nulls: String = own().map(|(number, _)| format!("q.v{number} IS NULL AND ")).collect();
        cases.push(format!(
            "CASE WHEN {nulls}{} IS NOT NULL THEN {}::text END",
            as_text("q.data", property),
            literal(property)
        ));
    }
    if cases.is_empty() {
        return "NULL::text[]".to_owned();
    }
    format!(
        "CASE WHEN u.one THEN nullif(array_remove(ARRAY[{}], NULL), '{{}}'::text[]) END",
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
    format!("{data} @@ {}::jsonpath", literal(&format!("{} starts with \"\"", path(property))))
}

/// The path of a property.
fn path(property: &str) -> String {
    let mut key = String::new();
    for c in property.chars() {
        match c {
            '"' | '\\' => key.extend(['\\', c]),
            c if c.is_control() => key.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => key.push(c),
        }
    }
    format!("strict $.\"{key}\"")
}

pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Right while `standard_conforming_strings` is on, as it is by default.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
