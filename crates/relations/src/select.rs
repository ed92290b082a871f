//! The SQL of a page and of a part of a stream.

use store::TextQuery;

use crate::{catalogue::Relation, column::Column, error::BadParameter, filter::Filters};

/// What is read of a relation.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The relation.
    pub relation: Relation,
    /// The columns in the order in which they are wanted; at least one.
    pub columns: Vec<Column>,
    /// The conditions.
    pub filters: Filters,
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
            time_zone: "UTC".to_owned(),
        }
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
            "SELECT {key}::text{columns} FROM {} WHERE {}{} ORDER BY {key} LIMIT {limit}",
            self.relation.identifier(),
            range.sql(&key),
            self.filters.sql(&mut parameters),
        );
        TextQuery { sql, parameters, time_zone: self.time_zone.clone() }
    }

    /// The key of the last of so many rows after `after`, whatever their values; of the last row of
    /// all if there are fewer. No row if there are none.
    pub(crate) fn end_of_part(&self, after: i64, rows: usize) -> TextQuery {
        let key = self.relation.key_identifier();
        let from = format!("FROM {} WHERE {key} > {after}", self.relation.identifier());
        TextQuery {
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
        TextQuery {
            sql: format!(
                "SELECT {key}::text FROM {} ORDER BY {key} DESC LIMIT 1",
                self.relation.identifier()
            ),
            ..TextQuery::default()
        }
    }
}

/// The rows after one key, up to another if there is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) after: i64,
    pub(crate) up_to: Option<i64>,
}

impl Range {
    fn sql(self, key: &str) -> String {
        let Self { after, up_to } = self;
        let end = up_to.map(|up_to| format!(" AND {key} <= {up_to}")).unwrap_or_default();
        format!("{key} > {after}{end}")
    }
}
