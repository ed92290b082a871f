//! The SQL of a page and of a part of a stream.

use std::collections::BTreeSet;

use store::TextQuery;

use crate::{
    catalogue::Relation,
    column::Column,
    error::BadParameter,
    filter::{Filter, Filters},
    name::ERASURES,
};

/// What is read of a relation.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The relation.
    pub relation: Relation,
    /// The columns in the order in which they are wanted; at least one.
    pub columns: Vec<Column>,
    /// The conditions.
    pub filters: Filters,
    /// Rows for which these do not hold do not exist for the client: no page and no bound shows that
    /// there are more.
    exists: Filters,
    /// The time zone in which times are written and read, as PostgreSQL names it.
    pub time_zone: String,
}

impl Selection {
    /// All columns and rows, with times in UTC.
    pub fn all(relation: Relation) -> Self {
        Self {
            columns: relation.columns.clone(),
            relation,
            filters: Filters::default(),
            exists: Filters::default(),
            time_zone: "UTC".to_owned(),
        }
    }

    /// Leaves only the rows of these form types in the list of erasures.
    ///
    /// # Errors
    /// The relation has no form types.
    pub fn only_form_types(&mut self, form_types: &BTreeSet<String>) -> Result<(), BadParameter> {
        let quoted: Vec<String> = form_types
            .iter()
            .map(|name| format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\"")))
            .collect();
        let condition = format!("in.({})", quoted.join(","));
        self.exists.push(Filter::parse(&self.relation, "form_type", "form_type", &condition)?);
        Ok(())
    }

    /// Only these columns, in this order.
    ///
    /// # Errors
    /// There is no such column, one is named twice, or none is named.
    pub fn of_columns(mut self, parameter: &str, names: &[&str]) -> Result<Self, BadParameter> {
        let mut columns: Vec<Column> = Vec::with_capacity(names.len());
        for (place, name) in names.iter().enumerate() {
            let wrong =
                |reason: &str| BadParameter::new(parameter, format!("name {} {reason}", place + 1));
            let column = self.relation.column(name);
            let column = column.ok_or_else(|| wrong("is no column of this relation"))?;
            if columns.iter().any(|earlier| earlier.name == column.name) {
                return Err(wrong("is there twice"));
            }
            columns.push(column.clone());
        }
        if columns.is_empty() {
            return Err(BadParameter::new(parameter, "names no column"));
        }
        self.columns = columns;
        Ok(self)
    }

    /// The rows whose key is in the range, in its order: the key, then the columns.
    pub(crate) fn rows(&self, range: Range, limit: usize) -> TextQuery {
        let mut parameters = Vec::new();
        let key = self.relation.key_identifier();
        let columns: String =
            self.columns.iter().map(|column| format!(", {}", column.as_text())).collect();
        let sql = format!(
            "SELECT {key}::text{columns} FROM {} WHERE {}{}{} ORDER BY {key} LIMIT {limit}",
            self.relation.identifier(),
            range.sql(&key),
            self.exists.sql(&mut parameters),
            self.filters.sql(&mut parameters),
        );
        TextQuery { sql, parameters, time_zone: self.time_zone.clone() }
    }

    /// The last visible key and, of a form type, the last visible erasure.
    pub(crate) fn last_change(&self) -> TextQuery {
        let mut parameters = Vec::new();
        let (key, relation) = (self.relation.key_identifier(), self.relation.identifier());
        let name = &self.relation.name;
        let exists = self.exists.sql(&mut parameters);
        let mut sql = format!(
            "SELECT (SELECT {key}::text FROM {relation} WHERE true{exists} ORDER BY {key} DESC LIMIT 1)"
        );
        if let Some(form_type) = name.form_type().filter(|name| *name != ERASURES) {
            parameters.push(Some(form_type.to_owned()));
            sql.push_str(
                ", (SELECT e.id::text FROM submissions.erasures e WHERE e.form_type = $1 \
                    ORDER BY e.id DESC LIMIT 1)",
            );
        }
        TextQuery { sql, parameters, time_zone: self.time_zone.clone() }
    }

    /// The row with the largest key for which the conditions hold.
    pub(crate) fn newest_row(&self) -> TextQuery {
        let mut parameters = Vec::new();
        let key = self.relation.key_identifier();
        let columns: String =
            self.columns.iter().map(|column| format!(", {}", column.as_text())).collect();
        let sql = format!(
            "SELECT {key}::text{columns} FROM {} WHERE true{}{} ORDER BY {key} DESC LIMIT 1",
            self.relation.identifier(),
            self.exists.sql(&mut parameters),
            self.filters.sql(&mut parameters),
        );
        TextQuery { sql, parameters, time_zone: self.time_zone.clone() }
    }

    /// The key of the last of so many rows after `after`, whatever their values; of the last row of
    /// all if there are fewer. No row if there are none.
    pub(crate) fn end_of_part(&self, after: Option<i64>, rows: usize) -> TextQuery {
        let key = self.relation.key_identifier();
        let range = Range { after, up_to: None }.sql(&key);
        let mut parameters = Vec::new();
        let exists = self.exists.sql(&mut parameters);
        let from = format!("FROM {} WHERE {range}{exists}", self.relation.identifier());
        TextQuery {
            parameters,
            sql: format!(
                "SELECT key::text FROM (\
                     (SELECT {key} AS key, 1 AS turn {from} ORDER BY {key} OFFSET {} LIMIT 1) \
                     UNION ALL \
                     (SELECT {key}, 2 {from} ORDER BY {key} DESC LIMIT 1)\
                 ) AS ends ORDER BY turn LIMIT 1",
                rows.saturating_sub(1),
            ),
            ..TextQuery::default()
        }
    }

    /// The last key of all.
    pub(crate) fn last_key(&self) -> TextQuery {
        let key = self.relation.key_identifier();
        let mut parameters = Vec::new();
        let exists = self.exists.sql(&mut parameters);
        TextQuery {
            sql: format!(
                "SELECT {key}::text FROM {} WHERE true{exists} ORDER BY {key} DESC LIMIT 1",
                self.relation.identifier()
            ),
            parameters,
            ..TextQuery::default()
        }
    }
}

/// The rows after one key if there is one, and up to another if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) after: Option<i64>,
    pub(crate) up_to: Option<i64>,
}

impl Range {
    fn sql(self, key: &str) -> String {
        // With a cast, because the smallest number would be a numeric, for which there is no index.
        let bound = |operator, key_value: Option<i64>| {
            key_value.map(|value| format!("{key} {operator} '{value}'::bigint"))
        };
        let bounds = [bound(">", self.after), bound("<=", self.up_to)];
        let bounds: Vec<String> = bounds.into_iter().flatten().collect();
        if bounds.is_empty() { "true".to_owned() } else { bounds.join(" AND ") }
    }
}
