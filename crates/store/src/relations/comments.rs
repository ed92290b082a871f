//! The comments on the columns of a view, which say what its properties mean.

use std::collections::HashMap;

use diesel::{
    connection::SimpleConnection,
    prelude::*,
    sql_query,
    sql_types::{Nullable, Text},
};
use domain::Property;

use super::{
    columns::Column,
    view::{OURS, identifier, literal},
};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Nullable<Text>)]
    comment: Option<String>,
}

/// Sets the comments that are different. A column keeps its comment if these properties say nothing
/// about it.
pub(super) fn set(
    connection: &mut PgConnection,
    view: &str,
    columns: &[Column],
    properties: &[Property],
) -> QueryResult<()> {
    let view = format!("submissions.{}", identifier(view));
    let rows: Vec<Row> = sql_query(
        "SELECT a.attname::text AS name, col_description(a.attrelid, a.attnum) AS comment \
             FROM pg_attribute a WHERE a.attrelid = to_regclass($1) AND a.attnum > 0",
    )
    .bind::<Text, _>(&view)
    .load(connection)?;
    let present: HashMap<String, Option<String>> =
        rows.into_iter().map(|Row { name, comment }| (name, comment)).collect();

    let ours = OURS.map(|(name, comment)| (name, comment.to_owned())).into_iter();
    let theirs = properties.iter().filter_map(|property| {
        let has_it = |column: &&Column| {
            column.property == property.name && column.column_type == property.property_type
        };
        Some((columns.iter().find(has_it)?.name.as_str(), comment_of(property)?))
    });
    let changed: String = ours
        .chain(theirs)
        .filter(|(name, comment)| present.get(*name).is_some_and(|p| p.as_ref() != Some(comment)))
        .map(|(name, comment)| {
            format!("COMMENT ON COLUMN {view}.{} IS {};", identifier(name), literal(&comment))
        })
        .collect();
    if changed.is_empty() { Ok(()) } else { connection.batch_execute(&changed) }
}

fn comment_of(Property { title, description, .. }: &Property) -> Option<String> {
    let lines: Vec<&str> = [title, description].into_iter().flatten().map(String::as_str).collect();
    // PostgreSQL takes no NUL.
    (!lines.is_empty()).then(|| lines.join("\n").replace('\0', " "))
}
