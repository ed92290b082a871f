//! Variables that look like ours and are not: a misspelt name would otherwise be ignored in silence.

use std::{
    collections::BTreeSet,
    fmt::{self, Display},
};

use serde_json::Value;

/// The variables of all services, because they often share one file of variables.
const ALL_SERVICES: &str = include_str!("../../../../env.json");

/// No other program has variables with these prefixes.
const OUR_PREFIXES: [&str; 10] = [
    "SQS_",
    "WORKER_",
    "READER_",
    "HAWK_",
    "FORM_",
    "INTAKE_",
    "UI_",
    "BODIES_",
    "MIGRATE_",
    "SIGNATURE_",
];
/// Any other name is reported only if it is as near as this to one of ours, and at least as long as that.
const NEAR: usize = 2;
const LONG: usize = 8;

/// A variable that no service reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVariable {
    /// Its name.
    pub name: String,
    /// The name of ours that is the most like it.
    pub nearest: String,
}

impl Display for UnknownVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, nearest } = self;
        write!(f, "{name} is not a variable of these services; did you mean {nearest}?")
    }
}

/// Those of the names that look like ours; `known` are the variables of this service.
pub(super) fn unknown<'a>(
    names: impl Iterator<Item = &'a str>,
    known: impl Iterator<Item = &'a str>,
) -> Vec<UnknownVariable> {
    let known: BTreeSet<String> = known.map(str::to_owned).chain(all_services()).collect();
    let unknown = names.filter(|name| !known.contains(*name) && !is_of_others(name));
    let unknown = unknown.filter_map(|name| {
        let nearest = known.iter().min_by_key(|known| distance(name, known))?;
        let is_near = name.len() >= LONG && distance(name, nearest) <= NEAR;
        let is_ours = OUR_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
        (is_ours || is_near)
            .then(|| UnknownVariable { name: name.to_owned(), nearest: nearest.clone() })
    });
    unknown.collect()
}

/// The names in env.json, except its pattern for the names of queues: only queues of served form types are read.
fn all_services() -> Vec<String> {
    let file: Value = serde_json::from_str(ALL_SERVICES).unwrap_or_default();
    let lists = ["/env_vars/required", "/env_vars/optional"];
    let lists = lists.iter().filter_map(|list| file.pointer(list)?.as_array());
    lists.flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
}

/// Variables of AWS, and those that Kubernetes and Docker set for other containers, such as `WORKER_PORT_8001_TCP`.
fn is_of_others(name: &str) -> bool {
    name.starts_with("AWS_")
        || name.ends_with("_PORT")
        || name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_TCP")
}

/// The number of letters to insert, delete or replace.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<u8> = other.bytes().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, byte) in one.bytes().enumerate() {
        let mut left = index + 1;
        let mut next = vec![left];
        for (above, place) in row.windows(2).zip(&other) {
            let [diagonal, above] = above else { continue };
            left = (diagonal + usize::from(byte != *place)).min(above + 1).min(left + 1);
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_letters() {
        for (one, other, expected) in [
            ("", "", 0),
            ("", "ab", 2),
            ("abc", "abc", 0),
            ("abc", "ac", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(one, other), expected, "{one} {other}");
            assert_eq!(distance(other, one), expected, "{other} {one}");
        }
    }

    #[test]
    fn env_json_can_be_read() {
        assert!(all_services().iter().any(|name| name == "WORKER_POLLERS"));
    }
}
