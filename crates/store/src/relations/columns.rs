//! The columns of a form type: which there are, and how new ones are named.

use std::{fmt::Write, iter};

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Integer, Text},
};
use domain::{Property, PropertyType};
use sha2::{Digest, Sha256};

use super::view::OURS;

/// PostgreSQL takes 1,664 columns in a query.
pub(super) const MAX_COLUMNS: usize = 1500;

/// PostgreSQL cuts longer names.
const MAX_NAME: usize = 63;

/// A column of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) property: String,
    pub(super) column_type: PropertyType,
    pub(super) name: String,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    property: String,
    #[diesel(sql_type = Text, column_name = "type")]
    type_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
}

/// The columns that this form type has ever had, in their order.
pub(super) fn load(
    connection: &mut PgConnection,
    home: &str,
    form_type: &str,
) -> QueryResult<Vec<Column>> {
    let rows: Vec<Row> = sql_query(format!(
        "SELECT property, type, column_name FROM {home}.relation_columns WHERE form_type = $1 ORDER BY position"
    ))
    .bind::<Text, _>(form_type)
    .load(connection)?;
    rows.into_iter()
        .map(|Row { property, type_name, column_name }| {
            let column_type = TYPES.iter().find(|(_, name)| *name == type_name);
            let column_type =
                column_type.map(|(column_type, _)| *column_type).ok_or_else(|| {
                    diesel::result::Error::DeserializationError(
                        format!("a column of the type {type_name}").into(),
                    )
                })?;
            Ok(Column { property, column_type, name: column_name })
        })
        .collect()
}

/// Remembers a new column at the end.
pub(super) fn add(
    connection: &mut PgConnection,
    home: &str,
    form_type: &str,
    column: &Column,
    position: usize,
) -> QueryResult<()> {
    let type_name = TYPES.iter().find(|(column_type, _)| *column_type == column.column_type);
    sql_query(format!(
        "INSERT INTO {home}.relation_columns (form_type, property, type, column_name, position) \
             VALUES ($1, $2, $3, $4, $5)"
    ))
    .bind::<Text, _>(form_type)
    .bind::<Text, _>(&column.property)
    .bind::<Text, _>(type_name.map_or("jsonb", |(_, name)| name))
    .bind::<Text, _>(&column.name)
    .bind::<Integer, _>(i32::try_from(position).unwrap_or(i32::MAX))
    .execute(connection)
    .map(drop)
}

const TYPES: [(PropertyType, &str); 7] = [
    (PropertyType::Text, "text"),
    (PropertyType::Date, "date"),
    (PropertyType::DateTime, "timestamptz"),
    (PropertyType::Integer, "bigint"),
    (PropertyType::Number, "numeric"),
    (PropertyType::Boolean, "boolean"),
    (PropertyType::Json, "jsonb"),
];

/// The columns that these properties need in addition, and the properties that do not fit any more.
pub(super) fn missing(present: &[Column], properties: &[Property]) -> (Vec<Column>, Vec<String>) {
    let mut all = present.to_vec();
    let mut left_out = Vec::new();
    for property in properties {
        let wanted = |column: &&Column| {
            column.property == property.name && column.column_type == property.property_type
        };
        // jsonb cannot hold a member with this character in its name.
        if all.iter().find(wanted).is_some() || property.name.contains('\0') {
            continue;
        }
        if all.len() >= MAX_COLUMNS {
            left_out.push(property.name.clone());
            continue;
        }
        let name = free_name(&property.name, &all);
        let (property, column_type) = (property.name.clone(), property.property_type);
        all.push(Column { property, column_type, name });
    }
    (all.split_off(present.len()), left_out)
}

fn free_name(property: &str, columns: &[Column]) -> String {
    let is_free = |name: &str| {
        columns.iter().all(|column| column.name != name) && OURS.iter().all(|(own, _)| *own != name)
    };
    let is_usable = |name: &str| !name.is_empty() && name.len() <= MAX_NAME && is_free(name);
    let first = columns.iter().find(|column| column.property == property);
    let base = match first {
        Some(first) => first.name.clone(),
        None if is_usable(property) => return property.to_owned(),
        None => format!("{}_{}", cut(property, MAX_NAME - 9), hash(property)),
    };
    let numbered = (2_u64..).map(|number| {
        let suffix = format!("_{number}");
        format!("{}{suffix}", cut(&base, MAX_NAME - suffix.len()))
    });
    // The name of another column of this property is not free.
    iter::once(base.clone()).chain(numbered).find(|name| is_usable(name)).unwrap_or(base)
}

/// The first eight hexadecimal digits of the SHA-256.
fn hash(text: &str) -> String {
    let mut digits = String::new();
    for byte in Sha256::digest(text.as_bytes()).iter().take(4) {
        // Writing to a String cannot fail.
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// The beginning of a text, limited to this number of bytes.
fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
