//! The digest of a schema: which one the fields of a submission were checked against.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::canonical::Canonical;

/// The SHA-256 of a schema document in canonical form: compact, members sorted by name, numbers as
/// they were written. So white space and the order of members make no difference.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchemaDigest([u8; 32]);

impl SchemaDigest {
    pub(crate) fn of(document: &Canonical) -> Self {
        Self(Sha256::digest(document.text().as_bytes()).into())
    }

    /// Reads the 64 hexadecimal digits of the message attribute.
    pub(crate) fn parse(hex: &str) -> Option<Self> {
        let digits: Vec<u8> = hex
            .chars()
            .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()?;
        let bytes: Vec<u8> = digits
            .chunks(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect();
        (digits.len() == 64).then_some(())?;
        bytes.try_into().ok().map(Self)
    }

    /// The digest as it is stored.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// As 64 hexadecimal digits in lower case.
impl fmt::Display for SchemaDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SchemaDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SchemaDigest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[test]
    fn only_64_hexadecimal_digits_are_a_digest() {
        let digest = SchemaDigest::of(&json::parse(b"{}").unwrap());
        // printf '{}' | sha256sum
        let hex = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(digest.to_string(), hex);
        assert_eq!(SchemaDigest::parse(hex), Some(digest));
        assert_eq!(SchemaDigest::parse(&hex.to_uppercase()), Some(digest));
        for bad in [
            "",
            "44",
            &hex[1..],
            &format!("{hex}0"),
            &hex.replace('a', "g"),
            &format!("{hex}{hex}"),
        ] {
            assert_eq!(SchemaDigest::parse(bad), None, "{bad}");
        }
    }
}
