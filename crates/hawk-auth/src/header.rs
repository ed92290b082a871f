//! Parses the value of `Authorization` strictly: a header that two parsers could read differently
//! is refused.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::refusal::Refusal;

/// The most bytes that a value may have, as in Hawk's reference and in mohawk.
const MAX_LENGTH: usize = 4096;

/// The most characters that a nonce may have; clients use 6 to 36.
const MAX_NONCE_LENGTH: usize = 128;

/// The attributes of a request. Only their syntax has been checked.
pub(crate) struct Header<'a> {
    pub id: &'a str,
    pub ts: u64,
    /// `ts` as the client wrote it, which is the text it signed.
    pub ts_text: &'a str,
    pub nonce: &'a str,
    pub mac: [u8; 32],
    /// In base64, and never empty.
    pub hash: Option<&'a str>,
    // For the MAC, empty and absent are the same.
    pub ext: &'a str,
    pub app: &'a str,
    pub dlg: &'a str,
}

impl<'a> Header<'a> {
    pub(crate) fn parse(value: &'a [u8]) -> Result<Self, Refusal> {
        let attributes = match value.split_at_checked(4) {
            Some((scheme, attributes)) if scheme.eq_ignore_ascii_case(b"Hawk") => attributes,
            _ => return Err(Refusal::AnotherScheme),
        };
        if value.len() > MAX_LENGTH {
            return Err(Refusal::HeaderTooLong);
        }
        match attributes {
            [] => Err(Refusal::AttributeMissing),
            [b' ', attributes @ ..] => {
                Attributes::parse(str::from_utf8(attributes).map_err(|_| Refusal::Malformed)?)?
                    .check()
            }
            _ => Err(Refusal::AnotherScheme),
        }
    }
}

#[derive(Default)]
struct Attributes<'a> {
    id: Option<&'a str>,
    ts: Option<&'a str>,
    nonce: Option<&'a str>,
    mac: Option<&'a str>,
    hash: Option<&'a str>,
    ext: Option<&'a str>,
    app: Option<&'a str>,
    dlg: Option<&'a str>,
}

impl<'a> Attributes<'a> {
    /// Parses `name="value"`, separated by commas.
    fn parse(mut rest: &'a str) -> Result<Self, Refusal> {
        let mut attributes = Self::default();
        rest = rest.trim_matches(' ');
        while !rest.is_empty() {
            let (name, after) = rest.split_once("=\"").ok_or(Refusal::Malformed)?;
            let (value, after) = after.split_once('"').ok_or(Refusal::Malformed)?;
            attributes.set(name, value)?;
            rest = after.trim_start_matches(' ');
            if !rest.is_empty() {
                rest = rest.strip_prefix(',').ok_or(Refusal::Malformed)?.trim_start_matches(' ');
                // Not every parser accepts a comma at the end.
                if rest.is_empty() {
                    return Err(Refusal::Malformed);
                }
            }
        }
        Ok(attributes)
    }

    fn set(&mut self, name: &str, value: &'a str) -> Result<(), Refusal> {
        let attribute = match name {
            "id" => &mut self.id,
            "ts" => &mut self.ts,
            "nonce" => &mut self.nonce,
            "mac" => &mut self.mac,
            "hash" => &mut self.hash,
            "ext" => &mut self.ext,
            "app" => &mut self.app,
            "dlg" => &mut self.dlg,
            _ => return Err(Refusal::Malformed),
        };
        // Line breaks above all must not be in a value: they separate the values that are signed.
        if !value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\') {
            return Err(Refusal::Malformed);
        }
        match attribute.replace(value) {
            Some(_) => Err(Refusal::DuplicateAttribute),
            None => Ok(()),
        }
    }

    fn check(self) -> Result<Header<'a>, Refusal> {
        let required = |value: Option<&'a str>| {
            value.filter(|value| !value.is_empty()).ok_or(Refusal::AttributeMissing)
        };
        let (id, ts_text, nonce, mac) =
            (required(self.id)?, required(self.ts)?, required(self.nonce)?, required(self.mac)?);
        // `parse` alone would accept a sign.
        if !ts_text.bytes().all(|byte| byte.is_ascii_digit()) || nonce.len() > MAX_NONCE_LENGTH {
            return Err(Refusal::Malformed);
        }
        let (app, dlg) = (self.app.unwrap_or_default(), self.dlg.unwrap_or_default());
        // Hawk signs `dlg` only together with `app`, and we accept nothing that is not signed.
        if app.is_empty() && !dlg.is_empty() {
            return Err(Refusal::Malformed);
        }
        Ok(Header {
            id,
            ts: ts_text.parse().map_err(|_| Refusal::Malformed)?,
            ts_text,
            nonce,
            mac: STANDARD
                .decode(mac)
                .ok()
                .and_then(|mac| mac.try_into().ok())
                .ok_or(Refusal::Malformed)?,
            hash: self.hash.filter(|hash| !hash.is_empty()),
            ext: self.ext.unwrap_or_default(),
            app,
            dlg,
        })
    }
}
