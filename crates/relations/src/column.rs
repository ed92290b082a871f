//! The columns of a relation, and how SQL makes text of their values.

use std::fmt;

use tabular::{ColumnType, Scalar};

/// A column of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name in PostgreSQL.
    pub name: String,
    /// Its type as PostgreSQL writes it, such as `numeric(10,2)` or `text[]`.
    pub pg_type: String,
    /// The same without a length or a precision: a cast to `varchar(2)` would cut a value.
    pub(crate) bare_type: String,
    /// Its type as [`tabular`] knows it.
    pub column_type: ColumnType,
    /// Whether a value may be null.
    pub nullable: bool,
    /// Its comment in PostgreSQL.
    pub description: Option<String>,
}

impl Column {
    /// The type as the consumer of the old data store knows it.
    pub fn consumer_type(&self) -> ConsumerType {
        ConsumerType(self.column_type)
    }

    /// Whether filters other than `is` make sense.
    pub(crate) fn is_comparable(&self) -> bool {
        matches!(self.column_type, ColumnType::Scalar(scalar) if scalar != Scalar::Json)
    }

    pub(crate) fn is_text(&self) -> bool {
        self.column_type == ColumnType::Scalar(Scalar::Text)
    }

    /// As [`tabular`] wants it.
    pub(crate) fn for_writer(&self) -> tabular::Column {
        tabular::Column {
            name: self.name.clone(),
            column_type: self.column_type,
            description: self.description.clone(),
        }
    }

    pub(crate) fn identifier(&self) -> String {
        qualified(&self.name)
    }

    /// SQL for the text of a value of this column, as [`tabular`] wants it.
    pub(crate) fn as_text(&self) -> String {
        let name = self.identifier();
        match self.column_type {
            ColumnType::List(_) => format!("to_json({name})::text"),
            // Without the line breaks of `json`.
            ColumnType::Scalar(Scalar::Json) if self.pg_type == "json" => {
                format!("{name}::jsonb::text")
            }
            ColumnType::Scalar(Scalar::Text) if self.pg_type == "text" => name,
            // A cast of `char(n)` takes its blanks away.
            ColumnType::Scalar(Scalar::Text) if self.pg_type.starts_with("character(") => {
                format!("CASE WHEN {name} IS NOT NULL THEN concat({name}) END")
            }
            ColumnType::Scalar(_) => format!("{name}::text"),
        }
    }
}

/// One of the eight names that the consumer of the old data store accepts, also with `[]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerType(ColumnType);

impl fmt::Display for ConsumerType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0.scalar() {
            Scalar::SmallInt | Scalar::Integer => "INTEGER",
            Scalar::BigInt => "BIGINT",
            Scalar::Numeric => "NUMERIC",
            Scalar::Real | Scalar::Double => "FLOAT",
            Scalar::Boolean => "BOOLEAN",
            Scalar::Date => "DATE",
            Scalar::Timestamp | Scalar::TimestampTz => "TIMESTAMP WITHOUT TIME ZONE",
            Scalar::Text
            | Scalar::Time
            | Scalar::Interval
            | Scalar::Uuid
            | Scalar::Bytea
            | Scalar::Json => "TEXT",
        })?;
        match self.0 {
            ColumnType::List(_) => f.write_str("[]"),
            ColumnType::Scalar(_) => Ok(()),
        }
    }
}

/// The type for the name of PostgreSQL's type, without its modifier: `pg_type.typname`, and whether
/// it is that of the elements of an array.
pub(crate) fn column_type(type_name: &str, is_list: bool) -> ColumnType {
    let scalar = match type_name {
        "int2" => Scalar::SmallInt,
        "int4" => Scalar::Integer,
        "int8" => Scalar::BigInt,
        "numeric" => Scalar::Numeric,
        "float4" => Scalar::Real,
        "float8" => Scalar::Double,
        "bool" => Scalar::Boolean,
        "date" => Scalar::Date,
        "timestamp" => Scalar::Timestamp,
        "timestamptz" => Scalar::TimestampTz,
        "time" | "timetz" => Scalar::Time,
        "interval" => Scalar::Interval,
        "uuid" => Scalar::Uuid,
        "bytea" => Scalar::Bytea,
        "json" | "jsonb" => Scalar::Json,
        _ => Scalar::Text,
    };
    if is_list { ColumnType::List(scalar) } else { ColumnType::Scalar(scalar) }
}

/// A column of the relation. Without the `r`, `ORDER BY` would take the column of the answer that
/// has the same name.
pub(crate) fn qualified(name: &str) -> String {
    format!("r.{}", identifier(name))
}

pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_consumer_knows_eight_types_and_their_lists() {
        for (name, expected) in [
            ("int2", "INTEGER"),
            ("int4", "INTEGER"),
            ("int8", "BIGINT"),
            ("numeric", "NUMERIC"),
            ("float4", "FLOAT"),
            ("float8", "FLOAT"),
            ("bool", "BOOLEAN"),
            ("date", "DATE"),
            ("timestamp", "TIMESTAMP WITHOUT TIME ZONE"),
            ("timestamptz", "TIMESTAMP WITHOUT TIME ZONE"),
            ("uuid", "TEXT"),
            ("jsonb", "TEXT"),
            ("bytea", "TEXT"),
            ("inet", "TEXT"),
        ] {
            assert_eq!(ConsumerType(column_type(name, false)).to_string(), expected, "{name}");
            let list = ConsumerType(column_type(name, true)).to_string();
            assert_eq!(list, format!("{expected}[]"), "{name}");
        }
    }

    #[test]
    fn a_quote_in_a_name_is_doubled() {
        assert_eq!(identifier(r#"a"b"#), r#""a""b""#);
    }
}
