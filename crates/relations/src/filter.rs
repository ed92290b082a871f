//! Conditions on columns.

use store::{ReadLimits, Store, TextQuery, Unavailable, UnavailableKind};

use crate::{
    catalogue::Relation,
    column::Column,
    error::BadParameter,
    operand::{self, Operand},
};

/// A condition on one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// The parameter as the client wrote it.
    parameter: String,
    column: Column,
    not: bool,
    operand: Operand,
}

/// Conditions that must all hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters(Vec<Filter>);

impl Filter {
    /// Reads `text` as a condition on the column, as in PostgREST: `[not.]operator.value`.
    ///
    /// # Errors
    /// The relation has no such column, or the text is not a condition for it.
    pub fn parse(
        relation: &Relation,
        parameter: &str,
        column: &str,
        text: &str,
    ) -> Result<Self, BadParameter> {
        let wrong = |reason: &str| Err(BadParameter::new(parameter, reason));
        let Some(column) = relation.column(column) else {
            return wrong("this relation has no such column");
        };
        if text.contains('\0') {
            return wrong("PostgreSQL's text has no NUL");
        }
        let (not, operand) = operand::parse(parameter, text)?;
        match &operand {
            Operand::Is(words @ ("TRUE" | "FALSE" | "UNKNOWN")) if column.pg_type != "boolean" => {
                return Err(BadParameter::new(
                    parameter,
                    format!("is.{} is for boolean columns", words.to_lowercase()),
                ));
            }
            Operand::Is(_) => {}
            _ if !column.is_comparable() => {
                return wrong("a JSON column or a list takes is.null and is.not_null only");
            }
            Operand::Compare { operator, .. } if operator.is_pattern() && !column.is_text() => {
                return wrong("like and ilike are for text columns");
            }
            Operand::Compare { operator, value }
                if operator.is_pattern() && ends_in_an_escape(value) =>
            {
                return wrong("the pattern ends with a backslash that escapes nothing");
            }
            _ => {}
        }
        Ok(Self { parameter: parameter.to_owned(), column: column.clone(), not, operand })
    }

    /// The name of the column.
    pub fn column(&self) -> &str {
        &self.column.name
    }

    /// The operator, such as `not.eq`.
    pub fn operator(&self) -> String {
        let operator = match &self.operand {
            Operand::Compare { operator, .. } => operator.name(),
            Operand::In(_) => "in",
            Operand::Is(_) => "is",
        };
        if self.not { format!("not.{operator}") } else { operator.to_owned() }
    }

    /// SQL; its values are added to `parameters`.
    fn sql(&self, parameters: &mut Vec<Option<String>>) -> String {
        let name = self.column.identifier();
        let condition = match &self.operand {
            Operand::Is(words) => format!("{name} IS {words}"),
            Operand::Compare { operator, value } => {
                let value = self.bind(value, parameters);
                format!("{name} {} {value}", operator.sql())
            }
            Operand::In(values) => {
                let values: Vec<String> =
                    values.iter().map(|value| self.bind(value, parameters)).collect();
                format!("{name} = ANY (ARRAY[{}]::{}[])", values.join(", "), self.column.bare_type)
            }
        };
        if self.not { format!("NOT ({condition})") } else { condition }
    }

    fn values(&self) -> &[String] {
        match &self.operand {
            Operand::Is(_) => &[],
            Operand::Compare { value, .. } => std::slice::from_ref(value),
            Operand::In(values) => values,
        }
    }

    /// A parameter with the cast to the column's type.
    fn bind(&self, value: &str, parameters: &mut Vec<Option<String>>) -> String {
        parameters.push(Some(with_plus(&self.column.bare_type, value)));
        format!("${}::{}", parameters.len(), self.column.bare_type)
    }
}

impl Filters {
    /// Adds a condition.
    pub fn push(&mut self, filter: Filter) {
        self.0.push(filter);
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Filter> {
        self.0.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The columns that have a condition, each once, in the order of their names.
    pub fn columns(&self) -> Vec<&str> {
        let mut columns: Vec<&str> = self.0.iter().map(Filter::column).collect();
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// SQL that begins with `AND`, or nothing.
    pub(crate) fn sql(&self, parameters: &mut Vec<Option<String>>) -> String {
        self.0.iter().map(|filter| format!(" AND {}", filter.sql(parameters))).collect()
    }

    /// Finds the first filter whose value PostgreSQL cannot read as its column's type. Asked after
    /// a query has failed, so that a good one costs nothing.
    pub(crate) fn check(
        &self,
        store: &Store,
        limits: ReadLimits,
        time_zone: &str,
    ) -> Result<Option<BadParameter>, Unavailable> {
        for filter in &self.0 {
            let mut query = TextQuery { time_zone: time_zone.to_owned(), ..TextQuery::default() };
            let values: Vec<String> = filter
                .values()
                .iter()
                .map(|value| format!("({})::text", filter.bind(value, &mut query.parameters)))
                .collect();
            query.sql = format!("SELECT {}", values.join(", "));
            match store.read_rows(&query, limits, |_| true) {
                Ok(_) => {}
                Err(Unavailable { kind: UnavailableKind::StatementFailed, .. }) => {
                    let reason = format!("the value is no {}", filter.column.pg_type);
                    return Ok(Some(BadParameter::new(&filter.parameter, reason)));
                }
                Err(unavailable) => return Err(unavailable),
            }
        }
        Ok(None)
    }
}

/// In a query, `+` stands for a blank, and many clients forget to encode it.
fn with_plus(pg_type: &str, value: &str) -> String {
    let is_time = pg_type.starts_with("time");
    if let Some((time, zone)) = value.rsplit_once(' ')
        && is_time
        && time.contains(':')
        && !zone.is_empty()
        && zone.chars().all(|c| c.is_ascii_digit() || c == ':')
    {
        return format!("{time}+{zone}");
    }
    value.to_owned()
}

/// PostgreSQL refuses such a pattern only when it reaches its end.
fn ends_in_an_escape(pattern: &str) -> bool {
    pattern.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blank_before_an_offset_is_read_as_a_plus() {
        let zone = "timestamp with time zone";
        for (value, expected) in [
            ("2026-01-01T10:00:00 01:00", "2026-01-01T10:00:00+01:00"),
            ("2026-01-01 10:00:00 01", "2026-01-01 10:00:00+01"),
            ("2026-01-01 10:00:00", "2026-01-01 10:00:00"),
            ("2026-01-01T10:00:00+01:00", "2026-01-01T10:00:00+01:00"),
            ("2026-01-01T10:00 Europe/London", "2026-01-01T10:00 Europe/London"),
        ] {
            assert_eq!(with_plus(zone, value), expected);
        }
        assert_eq!(with_plus("text", "at 10:00 01:00"), "at 10:00 01:00");
    }

    #[test]
    fn a_pattern_must_not_end_in_an_escape() {
        assert!(ends_in_an_escape(r"a\"));
        assert!(!ends_in_an_escape(r"a\\"));
        assert!(ends_in_an_escape(r"\\\"));
        assert!(!ends_in_an_escape("a"));
    }
}
