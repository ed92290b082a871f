//! Bytes as one large number in base 62: digits, capital and small letters.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Writes the bytes with this many digits, the first ones 0 if there are too many.
pub fn encode(bytes: &[u8], length: usize) -> String {
    let mut number = bytes.to_vec();
    let mut text: Vec<char> = (0..length).map(|_| divide(&mut number)).collect();
    text.reverse();
    text.into_iter().collect()
}

/// Reads a number into this many bytes; `None` if it is too large, or not in base 62.
pub fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut number = [0; N];
    for character in text.bytes() {
        let mut carry = DIGITS.iter().position(|digit| *digit == character)?;
        for byte in number.iter_mut().rev() {
            carry += usize::from(*byte) * DIGITS.len();
            *byte = u8::try_from(carry % 256).unwrap_or_default();
            carry /= 256;
        }
        if carry > 0 {
            return None;
        }
    }
    Some(number)
}

/// Whether the text has nothing but digits of this base.
pub fn is_base62(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// Divides the number by 62 and returns the digit of the remainder.
fn divide(number: &mut [u8]) -> char {
    let mut rest = 0;
    for byte in number {
        let part = rest * 256 + usize::from(*byte);
        *byte = u8::try_from(part / DIGITS.len()).unwrap_or_default();
        rest = part % DIGITS.len();
    }
    DIGITS.get(rest).map_or('0', |digit| char::from(*digit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn small_numbers_are_written_as_expected() {
        for (bytes, text) in [
            ([0, 0], "000"),
            ([0, 61], "00z"),
            ([0, 62], "010"),
            ([1, 0], "048"),
            ([255, 255], "H31"),
        ] {
            assert_eq!(encode(&bytes, 3), text);
            assert_eq!(decode::<2>(text), Some(bytes));
        }
        for not_two_bytes in ["H32", "0H32", "-00", "0é", "0 0"] {
            assert_eq!(decode::<2>(not_two_bytes), None, "{not_two_bytes}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes in any::<[u8; 32]>()) {
            prop_assert_eq!(decode::<32>(&encode(&bytes, 43)), Some(bytes));
        }
    }
}
