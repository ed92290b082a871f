//! What a client wants of a relation, from its parameters.

use std::{ops::RangeInclusive, time::Duration};

use relations::{BadParameter, Filter, Orientation, Relation, Selection};

use crate::{name_list, parameters::Parameters, stream_request::OF_CSV};

/// The parameters of a page that are not filters.
pub const OF_PAGES: &[&str] = &[
    "orientation",
    "next-id",
    "after",
    "limit",
    "columns",
    "wait",
    "tz",
    "numbers",
    "format",
    "version",
];

/// A column that is named like a parameter is written after this.
const COLUMN: &str = "column.";

/// Submissions have keys from 1, and a dataset may have others.
pub const ANY_KEY: RangeInclusive<i64> = i64::MIN..=i64::MAX;
const DEFAULT_LIMIT: i64 = 1000;
const MOST_ROWS: i64 = 10_000;
const MOST_WAIT_SECONDS: i64 = 30;
const MOST_FILTERS: usize = 100;
/// Longer lists of columns are cut in the text about an unknown parameter.
const MOST_SHOWN: usize = 50;
const LONGEST_SHOWN: usize = 100;

/// A page that a client wants.
#[derive(Debug)]
pub struct PageRequest {
    pub selection: Selection,
    pub orientation: Orientation,
    /// Rows with a larger key only; `None` for all.
    pub after: Option<i64>,
    pub limit: usize,
    /// How long to wait for a row.
    pub wait: Duration,
    pub numbers_as_text: bool,
}

impl PageRequest {
    /// Reads the parameters of a page of this relation.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn read(parameters: &Parameters, relation: Relation) -> Result<Self, BadParameter> {
        refuse_unknown(parameters, &relation, OF_PAGES)?;
        let next_id = parameters.number("next-id", ANY_KEY)?;
        let after = parameters.number("after", ANY_KEY)?;
        if next_id.is_some() && after.is_some() {
            return Err(BadParameter::new("after", "it cannot be used together with next-id"));
        }
        let is_dataset = relation.name.form_type().is_none();
        let wait = parameters.number("wait", 0..=MOST_WAIT_SECONDS)?;
        if is_dataset && wait.is_some() {
            return Err(BadParameter::new("wait", "a dataset gets no new rows"));
        }
        let limit = parameters.number("limit", 1..=MOST_ROWS)?.unwrap_or(DEFAULT_LIMIT);
        let orientations = [("tabular", Orientation::Tabular), ("records", Orientation::Records)];
        Ok(Self {
            orientation: parameters
                .word("orientation", &orientations)?
                .unwrap_or(Orientation::Tabular),
            after: after.or(next_id.and_then(|next| next.checked_sub(1))),
            limit: usize::try_from(limit).unwrap_or(1),
            wait: Duration::from_secs(wait.unwrap_or_default().unsigned_abs()),
            numbers_as_text: parameters.word("numbers", &[("text", ())])?.is_some(),
            selection: selection(parameters, relation)?,
        })
    }
}

/// Reads `columns`, `tz` and the filters.
///
/// # Errors
/// One of them cannot be used.
pub fn selection(parameters: &Parameters, relation: Relation) -> Result<Selection, BadParameter> {
    let mut selection = Selection::all(relation);
    if let Some(time_zone) = parameters.one("tz")? {
        if !is_time_zone(time_zone) {
            return Err(no_time_zone());
        }
        selection.time_zone = time_zone.to_owned();
    }
    let filters = parameters.iter().filter(|(name, _)| !is_reserved(name));
    for (number, (name, condition)) in filters.enumerate() {
        let column = name.strip_prefix(COLUMN).unwrap_or(name);
        if number == MOST_FILTERS {
            let reason = format!("a request has at most {MOST_FILTERS} filters");
            return Err(BadParameter::new(&shown(name), reason));
        }
        selection.filters.push(Filter::parse(
            &selection.relation,
            &shown(name),
            column,
            condition,
        )?);
    }
    match parameters.one("columns")? {
        None => Ok(selection),
        Some(list) => {
            let names = name_list::parse("columns", list)?;
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            selection.of_columns("columns", &names)
        }
    }
}

/// Whether a column with this name can only be filtered with `column.` before it.
fn is_reserved(name: &str) -> bool {
    OF_PAGES.contains(&name) || OF_CSV.contains(&name)
}

/// Refuses every parameter of a route that has none.
///
/// # Errors
/// There is one.
pub fn refuse_all(parameters: &Parameters) -> Result<(), BadParameter> {
    match parameters.iter().next() {
        None => Ok(()),
        Some((name, _)) => {
            Err(BadParameter::new(&shown(name), "it is unknown; there are no parameters here"))
        }
    }
}

/// Refuses a parameter that is neither one of those in `known` nor a filter of one of the columns.
///
/// # Errors
/// There is one.
pub fn refuse_unknown(
    parameters: &Parameters,
    relation: &Relation,
    known: &[&str],
) -> Result<(), BadParameter> {
    let is_known = |name: &str| {
        let is_filter = !is_reserved(name) && relation.column(name).is_some();
        known.contains(&name) || name.starts_with(COLUMN) || is_filter
    };
    let Some((name, _)) = parameters.iter().find(|(name, _)| !is_known(name)) else {
        return Ok(());
    };
    let reason = if OF_CSV.contains(&name) {
        "it is for CSV".to_owned()
    } else if name == "numbers" {
        "it is for JSON and Parquet".to_owned()
    } else if OF_PAGES.contains(&name) {
        "it is for pages of JSON".to_owned()
    } else {
        let names = relation.columns.iter().map(|column| column.name.as_str());
        let more = if relation.columns.len() > MOST_SHOWN { ", …" } else { "" };
        let columns: Vec<&str> = names.take(MOST_SHOWN).collect();
        format!(
            "it is unknown; the parameters are {}, and these columns as filters, such as column.{}=is.null: {}{more}",
            known.join(", "),
            columns.first().copied().unwrap_or_default(),
            columns.join(", "),
        )
    };
    Err(BadParameter::new(&shown(name), reason))
}

/// The name of a parameter for an answer.
fn shown(name: &str) -> String {
    name.chars().take(LONGEST_SHOWN).collect()
}

/// Whether it may be the name of a time zone. PostgreSQL would also take rules such as `XXX5`, which
/// hide a misspelt name.
fn is_time_zone(name: &str) -> bool {
    let is_name = name.len() <= 64
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'+'));
    is_name
        && (name == "UTC"
            || name.contains('/') && name.starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// What a client gets for a time zone that PostgreSQL does not know.
pub fn no_time_zone() -> BadParameter {
    BadParameter::new("tz", "it must be the name of a time zone, such as UTC or Europe/London")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_zone_has_a_name() {
        for name in ["UTC", "Europe/London", "America/Argentina/Buenos_Aires", "Etc/GMT+1"] {
            assert!(is_time_zone(name), "{name}");
        }
        for name in ["", "utc5", "XXX5", "+01:00", "/etc/passwd", "Europe/Lon don", "../x", "a/'b"]
        {
            assert!(!is_time_zone(name), "{name}");
        }
    }
}
