//! Limits on fields: values that the worker could not decode, or that PostgreSQL's jsonb would
//! refuse or expand to a huge size.

use crate::{canonical::Canonical, json, refusal::Fault};

/// The most digits that a number may have in plain notation, in which `1e999` has 1,000. jsonb
/// stores numbers in plain notation.
const MAX_DIGITS: u64 = 1000;

/// The faults of all top-level fields, each kind once per field.
pub(crate) fn find_faults(fields: &Canonical) -> Vec<Fault> {
    // Names are copied only if one of them has a fault.
    if !fields.has_unstorable() && !fields.has_name_with_prefix(json::PRIVATE_KEYS) {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (name, unstorable) in fields.members() {
        if unstorable.null_character {
            faults.push(Fault::in_field(
                &name,
                "null_character",
                "Null characters are not allowed.",
            ));
        }
        // The JSON parser refuses such a key, but in the other encodings it arrives here.
        if json::is_reserved(&name) {
            faults.push(Fault::in_field(
                &name,
                "reserved_key",
                "Names that start with $serde_json::private:: are reserved.",
            ));
        }
        if unstorable.long_number {
            let sentence = format!("Numbers of more than {MAX_DIGITS} digits are not allowed.");
            faults.push(Fault::in_field(&name, "number_too_long", sentence));
        }
    }
    faults
}

/// Whether jsonb would expand a JSON number to too many digits.
pub(crate) fn is_too_long(number: &str) -> bool {
    count_digits(number) > MAX_DIGITS
}

/// The number of digits of a JSON number when it is written without an exponent.
fn count_digits(number: &str) -> u64 {
    let number = number.strip_prefix('-').unwrap_or(number);
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let Ok(exponent) = exponent.parse::<i64>() else {
        return u64::MAX; // the exponent has more than 18 digits
    };
    let shift = exponent.unsigned_abs();
    let (whole, fraction) = (whole.len() as u64, fraction.len() as u64);
    let (whole, fraction) = if exponent < 0 {
        (whole.saturating_sub(shift).max(1), fraction.saturating_add(shift))
    } else {
        (whole.saturating_add(shift), fraction.saturating_sub(shift))
    };
    whole.saturating_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_counted_in_plain_notation() {
        let nines = "9".repeat(1000);
        for (number, expected) in [
            ("0", 1),
            ("-12.50", 4),
            ("1.5e3", 4),
            ("1.5e-3", 5),
            ("1e999", 1000),
            ("1e1000", 1001),
            ("1e-999", 1000),
            ("123e-2", 3),
            ("1E+2", 3),
            ("1e131072", 131_073),
            ("0e99999999999999999999", u64::MAX),
            (&nines, 1000),
        ] {
            assert_eq!(count_digits(number), expected, "{number}");
        }
    }
}
