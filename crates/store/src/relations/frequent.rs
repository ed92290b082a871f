//! The frequent ways to write a date and a time, in SQL that calls no function of ours.

use std::ops::Range;

/// Whether the text is a day of a year from 1900 to 2099, except a leap day. False or null for any
/// other text.
///
/// Comparing parts with lists takes a fraction of the time of a regular expression. Each list is
/// looked up by hash, so fewer and longer lists are faster.
pub(super) fn is_date(text: &str) -> String {
    format!("substr({text}, 6) = ANY ({}) AND {}", days(), begins_with_year(text))
}

/// Whether the text is such a day with a time of UTC in whole seconds. False or null for any other
/// text.
pub(super) fn is_time(text: &str) -> String {
    let hours = list((0..24).map(|hour| format!("T{hour:02}")));
    let minutes = list((0..60).map(|minute| format!(":{minute:02}")));
    let seconds = list((0..60).map(|second| format!(":{second:02}Z")));
    format!(
        "substr({text}, 17) = ANY ({seconds}) AND substr({text}, 14, 3) = ANY ({minutes}) \
             AND substr({text}, 11, 3) = ANY ({hours}) AND substr({text}, 6, 5) = ANY ({}) AND {}",
        days(),
        begins_with_year(text)
    )
}

fn begins_with_year(text: &str) -> String {
    format!("left({text}, 5) = ANY ({})", list((1900..2100).map(|year| format!("{year}-"))))
}

fn days() -> String {
    list((1..).zip(DAYS).flat_map(|(month, days): (u8, Range<u8>)| {
        days.map(move |day| format!("{month:02}-{day:02}"))
    }))
}

/// The days of each month in every year.
const DAYS: [Range<u8>; 12] =
    [1..32, 1..29, 1..32, 1..31, 1..32, 1..31, 1..32, 1..32, 1..31, 1..32, 1..31, 1..32];

fn list(texts: impl Iterator<Item = String>) -> String {
    format!("'{{{}}}'::text[]", texts.collect::<Vec<_>>().join(","))
}
