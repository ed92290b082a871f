//! What is published, and with which columns.

use std::time::Duration;

use ring::digest::{SHA256, digest};
use store::{ReadLimits, Store, TextQuery, Unavailable};
use tabular::{ColumnType, Scalar};

use crate::{
    column::{Column, column_type, identifier, qualified},
    name::RelationName,
};

/// A published relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its name, as the client wrote it.
    pub name: RelationName,
    /// Its columns in their order.
    pub columns: Vec<Column>,
    /// The column by which it is followed: whole numbers, unique, indexed.
    pub key: String,
    /// Changes whenever the columns or their meaning do.
    pub definition: [u8; 16],
    /// The version of a dataset, if it has versions.
    pub version: Option<i32>,
    /// The table with the rows: that of the version, else the one that is named.
    table: String,
}

const LIMITS: ReadLimits = ReadLimits { bytes: 16 << 20, statement: Duration::from_secs(5) };

/// The columns of the relation, and with each of them what is the same for all.
const COLUMNS: &str = "\
SELECT r.key_column, r.definition, v.version::text, v.table_name, a.attname, format_type(a.atttypid, a.atttypmod), \
    format_type(a.atttypid, -1), \
    coalesce(element.typname, base.typname), (element.oid IS NOT NULL)::text, a.attnotnull::text, \
    col_description(c.oid, a.attnum), \
    (c.relkind = 'v' OR EXISTS (\
        SELECT FROM pg_index i JOIN pg_attribute k ON k.attrelid = c.oid AND k.attnum = i.indkey[0] \
            WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1 AND i.indpred IS NULL \
                AND k.attname = r.key_column AND k.attnotnull))::text \
FROM relations r \
LEFT JOIN dataset_versions v ON v.dataset = r.schema AND r.name = 'L0' \
    AND CASE WHEN $3::integer IS NULL THEN v.is_current ELSE v.version = $3::integer END \
JOIN pg_namespace n ON n.nspname = r.schema \
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = coalesce(v.table_name, r.name) AND c.relkind IN ('r', 'v', 'm', 'p') \
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped \
JOIN pg_type t ON t.oid = a.atttypid \
JOIN pg_type base ON base.oid = CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END \
LEFT JOIN pg_type element ON element.typarray = base.oid \
WHERE r.schema = $1 AND r.name = $2 AND ($3 IS NULL OR v.version IS NOT NULL) \
ORDER BY a.attnum";

impl Relation {
    /// Looks the relation up; of a dataset this version, else the current one. `None` if it is not
    /// published, or not there.
    ///
    /// # Errors
    /// The database cannot answer.
    pub fn find(
        store: &Store,
        name: &RelationName,
        version: Option<i32>,
    ) -> Result<Option<Self>, Unavailable> {
        // PostgreSQL has no name with a NUL.
        if name.schema.contains('\0') || name.table.contains('\0') {
            return Ok(None);
        }
        let query = TextQuery {
            sql: COLUMNS.to_owned(),
            parameters: vec![
                Some(name.schema.clone()),
                Some(name.table.clone()),
                version.map(|version| version.to_string()),
            ],
            ..TextQuery::default()
        };
        let (mut key, mut version, mut table) = (String::new(), None, name.table.clone());
        let mut has_key = false;
        let mut described = String::new();
        let mut columns = Vec::new();
        store.read_rows(&query, LIMITS, |cells| {
            let cell = |number: usize| cells.get(number).copied().flatten().map(text);
            key = cell(0).unwrap_or_default();
            if columns.is_empty() {
                described = cell(1).unwrap_or_default();
                has_key = cell(11).as_deref() == Some("true");
                version = cell(2).and_then(|version| version.parse().ok());
                table = cell(3).unwrap_or_else(|| name.table.clone());
            }
            let mut column = Column {
                name: cell(4).unwrap_or_default(),
                pg_type: cell(5).unwrap_or_default(),
                bare_type: cell(6).unwrap_or_default(),
                column_type: column_type(
                    &cell(7).unwrap_or_default(),
                    cell(8).as_deref() == Some("true"),
                ),
                nullable: cell(9).as_deref() != Some("true"),
                description: cell(10),
            };
            if name.is_alias && column.column_type == ColumnType::Scalar(Scalar::Json) {
                column.column_type = ColumnType::Scalar(Scalar::Text);
            }
            described.push_str(&format!("\n{} {}", column.name, column.pg_type));
            columns.push(column);
            true
        })?;
        if columns.is_empty() {
            return Ok(None);
        }
        if !has_key {
            // Pages of it would sort the whole table, and rows with the same key would be lost.
            log::error!(relation:% = name; "A published table has no unique index on its key, so it is not served.");
            return Ok(None);
        }
        let (name, definition) = (name.clone(), short_digest(&described));
        Ok(Some(Self { name, columns, key, definition, version, table }))
    }

    /// The column with this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// `"schema"."table" AS r`.
    pub(crate) fn identifier(&self) -> String {
        format!("{}.{} AS r", identifier(&self.name.schema), identifier(&self.table))
    }

    pub(crate) fn key_identifier(&self) -> String {
        qualified(&self.key)
    }
}

/// Every published relation that is there, by name.
///
/// # Errors
/// The database cannot answer.
pub fn published(store: &Store) -> Result<Vec<RelationName>, Unavailable> {
    let query = TextQuery {
        sql: "SELECT schema, name FROM relations \
              WHERE to_regclass(format('%I.%I', schema, name)) IS NOT NULL ORDER BY schema, name"
            .to_owned(),
        ..TextQuery::default()
    };
    let mut names = Vec::new();
    store.read_rows(&query, LIMITS, |cells| {
        if let [Some(schema), Some(table)] = cells {
            names.push(RelationName { schema: text(schema), table: text(table), is_alias: false });
        }
        true
    })?;
    Ok(names)
}

/// Text of PostgreSQL is UTF-8.
fn text(cell: &[u8]) -> String {
    String::from_utf8_lossy(cell).into_owned()
}

/// A short digest of these texts in this order.
pub fn fingerprint(parts: &[String]) -> [u8; 16] {
    let text: String = parts.iter().map(|part| format!("{} {part}", part.len())).collect();
    short_digest(&text)
}

fn short_digest(text: &str) -> [u8; 16] {
    let mut short = [0; 16];
    for (to, from) in short.iter_mut().zip(digest(&SHA256, text.as_bytes()).as_ref()) {
        *to = *from;
    }
    short
}
