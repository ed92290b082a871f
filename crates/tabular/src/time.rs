//! Dates and times as PostgreSQL writes them with `DateStyle` ISO, and as RFC 3339.
//!
//! The calendar is Gregorian back to the beginning, as in PostgreSQL, Parquet and RFC 3339.

use std::io::Write;

use crate::{encode::utf8, error::Fault};

pub(crate) const MICROS_PER_DAY: i64 = 86_400_000_000;

/// A date, in days since 1970-01-01.
pub(crate) fn parse_date(cell: &[u8]) -> Result<i64, Fault> {
    check_finite(cell)?;
    let text = utf8(cell)?;
    let (text, bc) = strip_bc(text);
    date(text, bc).ok_or(Fault::Unreadable)
}

/// A date and a time of day on the clock of some zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The date, in days since 1970-01-01.
    pub(crate) days: i64,
    /// The time of day in microseconds.
    pub(crate) micros: i64,
    /// The zone's offset from UTC in seconds, or 0.
    pub(crate) offset: i64,
}

impl Moment {
    pub(crate) fn parse(cell: &[u8]) -> Result<Self, Fault> {
        check_finite(cell)?;
        Self::parse_text(utf8(cell)?).ok_or(Fault::Unreadable)
    }

    fn parse_text(text: &str) -> Option<Self> {
        let (text, bc) = strip_bc(text);
        let (day, clock) = text.split_once([' ', 'T'])?;
        let (clock, offset) = match clock.rfind(['+', '-']) {
            Some(sign) => (clock.get(..sign)?, parse_offset(clock.get(sign..)?)?),
            None => (clock.strip_suffix('Z').unwrap_or(clock), 0),
        };
        Some(Self { days: date(day, bc)?, micros: parse_clock(clock)?, offset })
    }

    /// Microseconds since 1970-01-01 00:00 UTC.
    pub(crate) fn utc_micros(self) -> Option<i64> {
        self.days
            .checked_mul(MICROS_PER_DAY)?
            .checked_add(self.micros)?
            .checked_sub(self.offset * 1_000_000)
    }
}

/// Appends a timestamp as RFC 3339: `2026-11-21 12:00:00.5+00` becomes
/// `2026-11-21T12:00:00.5+00:00`. Without an offset it stays without one.
///
/// RFC 3339 knows no infinity, and no years before 0 or after 9999. They stay as PostgreSQL writes
/// them: `infinity`, `0044-03-15T00:00:00+00:00 BC`, `10000-01-01T00:00:00+00:00`. It also knows no
/// offset with seconds, which zones had before clocks were standardised: such a time is in UTC.
pub(crate) fn push_rfc3339(cell: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let (text, bc) = match cell.strip_suffix(b" BC") {
        Some(text) => (text, &b" BC"[..]),
        None => (cell, &b""[..]),
    };
    let Some(space) = text.iter().position(|byte| matches!(byte, b' ' | b'T')) else {
        return if check_finite(cell).is_err() {
            out.extend_from_slice(cell);
            Ok(())
        } else {
            Err(Fault::Unreadable)
        };
    };
    let (day, clock) = text.split_at(space);
    let clock = clock.get(1..).unwrap_or_default();
    let sign = clock.iter().rposition(|byte| matches!(byte, b'+' | b'-')).unwrap_or(clock.len());
    let minutes: &[u8] = match clock.len() - sign {
        3 => b":00",
        0 | 6 => b"",
        _ => return push_utc(cell, out),
    };
    for part in [day, b"T", clock, minutes, bc] {
        out.extend_from_slice(part);
    }
    Ok(())
}

fn push_utc(cell: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
    let micros = Moment::parse(cell)?.utc_micros().ok_or(Fault::OutOfRange)?;
    let (year, month, day) = civil(micros.div_euclid(MICROS_PER_DAY));
    let (year, bc) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    let micros = micros.rem_euclid(MICROS_PER_DAY);
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
    let fraction = fraction.trim_end_matches('0');
    // Writing to a vector cannot fail.
    let _ = write!(
        out,
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}+00:00{bc}"
    );
    Ok(())
}

fn check_finite(cell: &[u8]) -> Result<(), Fault> {
    match cell {
        b"infinity" | b"-infinity" => Err(Fault::Infinite),
        _ => Ok(()),
    }
}

fn strip_bc(text: &str) -> (&str, bool) {
    match text.strip_suffix(" BC") {
        Some(text) => (text, true),
        None => (text, false),
    }
}

fn date(text: &str, bc: bool) -> Option<i64> {
    let mut parts = text.split('-');
    let year: i64 = digits(parts.next()?)?;
    let month = digits(parts.next()?)?;
    let day = digits(parts.next()?)?;
    let year = if bc { 1 - year } else { year };
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && parts.next().is_none();
    valid.then(|| days(year, month, day))
}

/// The microseconds of `12:34:56.789`.
fn parse_clock(text: &str) -> Option<i64> {
    let (text, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = text.split(':');
    let hour = digits(parts.next()?)?;
    let minute = digits(parts.next()?)?;
    let second = digits(parts.next()?)?;
    let scale = 10_i64.pow(6_u32.checked_sub(u32::try_from(fraction.len()).ok()?)?);
    let micros = if fraction.is_empty() { 0 } else { digits(fraction)? * scale };
    parts.next().is_none().then_some(((hour * 60 + minute) * 60 + second) * 1_000_000 + micros)
}

/// The seconds of `+01`, `-03:30` or `-00:01:15`.
fn parse_offset(text: &str) -> Option<i64> {
    let (sign, text) = match text.strip_prefix('-') {
        Some(text) => (-1, text),
        None => (1, text.strip_prefix('+')?),
    };
    let mut seconds = 0;
    for (part, unit) in text.split(':').zip([3600, 60, 1]) {
        seconds += digits(part)? * unit;
    }
    Some(sign * seconds)
}

/// A short run of digits, and nothing else.
fn digits(text: &str) -> Option<i64> {
    if text.is_empty() || text.len() > 9 || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Days since 1970-01-01, counted in eras of 400 years that begin on 1 March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The year, month and day of a number of days since 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}
