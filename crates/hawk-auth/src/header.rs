//! The value of `Authorization`, read strictly: what two readers could take differently is refused.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::refusal::Refusal;

/// Bytes that a value may have, as in Hawk's reference and in mohawk.
const LONGEST: usize = 4096;

/// Characters that a nonce may have; clients use 6 to 36.
const LONGEST_NONCE: usize = 128;

/// What a client says about its request. Only the forms are checked.
pub(crate) struct Header<'a> {
    pub id: &'a str,
    pub ts: u64,
    /// `ts` as it was written, which is what the client signed.
    pub ts_text: &'a str,
    pub nonce: &'a str,
    pub mac: [u8; 32],
    /// In base64; never empty.
    pub hash: Option<&'a str>,
    // The MAC makes no difference between empty and absent.
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
        if value.len() > LONGEST {
            return Err(Refusal::HeaderTooLong);
        }
        match attributes {
            [] => Err(Refusal::AttributeMissing),
            [b' ', attributes @ ..] => {
                Attributes::read(str::from_utf8(attributes).map_err(|_| Refusal::Malformed)?)?
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
    /// `name="value"`, with commas between.
    fn read(mut rest: &'a str) -> Result<Self, Refusal> {
        let mut attributes = Self::default();
        rest = rest.trim_matches(' ');
        while !rest.is_empty() {
            let (name, after) = rest.split_once("=\"").ok_or(Refusal::Malformed)?;
            let (value, after) = after.split_once('"').ok_or(Refusal::Malformed)?;
            attributes.set(name, value)?;
            rest = after.trim_start_matches(' ');
            if !rest.is_empty() {
                rest = rest.strip_prefix(',').ok_or(Refusal::Malformed)?.trim_start_matches(' ');
                // Not every reader takes a comma at the end.
                if rest.is_empty() {
                    return Err(Refusal::Malformed);
                }
            }
        }
        Ok(attributes)
    }

    fn set(&mut self, name: &str, value: &'a str) -> Result<(), Refusal> {
        let place = match name {
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
        // No line ends, above all: they part the values that are signed.
        if !value.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'\\') {
            return Err(Refusal::Malformed);
        }
        match place.replace(value) {
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
        // `parse` alone would take a sign.
        if !ts_text.bytes().all(|byte| byte.is_ascii_digit()) || nonce.len() > LONGEST_NONCE {
            return Err(Refusal::Malformed);
        }
        let (app, dlg) = (self.app.unwrap_or_default(), self.dlg.unwrap_or_default());
        // Hawk signs `dlg` only beside `app`, and nothing that is not signed is let in.
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
