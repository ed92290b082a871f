//! `schema/table`, with `*` in a few places.

use std::{fmt, str::FromStr};

/// The most bytes of a name in PostgreSQL.
const MAX_NAME: usize = 63;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pattern {
    pub(super) schema: Schema,
    pub(super) table: Table,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Schema {
    /// `*`
    Every,
    /// `org.*`
    BeginsWith(String),
    /// `org.dataset`
    Named(String),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Table {
    /// `*`
    Every,
    /// `L0`
    Named(String),
}

/// Why a text is not a scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadScope {
    /// It does not have two parts.
    #[error("a scope has the form schema/table")]
    NoTable,
    /// A part is empty, too long, contains NUL, or is written with blanks around it.
    #[error(
        "the parts of a scope have 1 to 63 bytes, no control characters, and no blank at either end"
    )]
    Name,
    /// `*` stands where it has no meaning.
    #[error(
        "* stands for the whole schema, for the whole table, or at the end of the schema for its rest"
    )]
    Star,
    /// A column has no name, or a parenthesis has no counterpart.
    #[error("the columns of a scope are names with commas between them, in parentheses at its end")]
    Column,
}

impl FromStr for Pattern {
    type Err = BadScope;

    fn from_str(text: &str) -> Result<Self, BadScope> {
        // A table can have a slash in its name, and no schema of ours has.
        let (schema, table) = text.split_once('/').ok_or(BadScope::NoTable)?;
        let schema = match schema.strip_suffix('*') {
            Some("") => Schema::Every,
            Some(start) => Schema::BeginsWith(name(start)?),
            None => Schema::Named(name(schema)?),
        };
        let table = if table == "*" { Table::Every } else { Table::Named(name(table)?) };
        Ok(Self { schema, table })
    }
}

fn name(text: &str) -> Result<String, BadScope> {
    if text.contains('*') {
        return Err(BadScope::Star);
    }
    if text.is_empty() || text.len() > MAX_NAME || text.contains('\0') {
        return Err(BadScope::Name);
    }
    Ok(text.to_owned())
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Schema::Every => f.write_str("*")?,
            Schema::BeginsWith(start) => write!(f, "{start}*")?,
            Schema::Named(name) => f.write_str(name)?,
        }
        match &self.table {
            Table::Every => f.write_str("/*"),
            Table::Named(name) => write!(f, "/{name}"),
        }
    }
}
