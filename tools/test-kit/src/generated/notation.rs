//! Numbers in plain notation, without exponent.

/// `1.50e1` is `15.0`: the same value, with as many decimal places as the notation implies. Zero has
/// no sign.
pub fn in_plain_notation(number: &str) -> String {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |number| ("-", number));
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let shift: i32 = exponent.parse().expect("an exponent");
    let zeros = "0".repeat(shift.unsigned_abs() as usize);
    let (whole, fraction) = if shift < 0 {
        let digits = format!("{zeros}{whole}");
        let (whole, moved) = digits.split_at(whole.len());
        (whole.to_owned(), format!("{moved}{fraction}"))
    } else {
        let digits = format!("{fraction}{zeros}");
        let (moved, _) = digits.split_at(zeros.len());
        (format!("{whole}{moved}"), fraction.get(zeros.len()..).unwrap_or_default().to_owned())
    };
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        whole => whole,
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let is_zero = whole.bytes().chain(fraction.bytes()).all(|digit| digit == b'0');
    format!("{}{whole}{point}{fraction}", if is_zero { "" } else { sign })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_notation_keeps_value_and_scale() {
        for (number, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.00", "0.00"),
            ("1.50", "1.50"),
            ("1.5e3", "1500"),
            ("1.50E+1", "15.0"),
            ("1.5e-3", "0.0015"),
            ("-123e-2", "-1.23"),
            ("120e-01", "12.0"),
            ("0.001e3", "1"),
            ("0e5", "0"),
            ("0e-3", "0.000"),
        ] {
            assert_eq!(in_plain_notation(number), expected, "{number}");
        }
    }
}
