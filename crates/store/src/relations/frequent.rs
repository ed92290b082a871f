//! The frequent ways to write a date and a time, in SQL that PostgreSQL evaluates without a call of
//! our functions for each row.
//!
//! Comparing parts with lists takes a fraction of the time of a regular expression. The lists are
//! those of `frequent_parts`, which PostgreSQL calls once when it plans a query. The collation is
//! named because the database's own may be slower.

/// Whether the text is a day of a year from 1900 to 2099, except a leap day. False or null for any
/// other text.
pub(super) fn is_date(home: &str, text: &str) -> String {
    format!(
        "octet_length({text}) = 10 AND {} AND {}",
        is(home, &format!("right({text}, 5)"), "day"),
        is(home, &format!("left({text}, 5)"), "year"),
    )
}

/// Whether the text is such a day with a time of UTC in whole seconds. False or null for any other
/// text.
pub(super) fn is_time(home: &str, text: &str) -> String {
    format!(
        "octet_length({text}) = 20 AND {} AND {} AND {} AND {}",
        is(home, &format!("right({text}, 4)"), "second"),
        is(home, &format!("substr({text}, 11, 6)"), "minute"),
        is(home, &format!("substr({text}, 6, 5)"), "day"),
        is(home, &format!("left({text}, 5)"), "year"),
    )
}

fn is(home: &str, text: &str, part: &str) -> String {
    format!("{text} COLLATE \"C\" = ANY ({home}.frequent_parts('{part}'))")
}
