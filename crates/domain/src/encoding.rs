//! Which of the three encodings a request body is in, from its `Content-Type`.

use thiserror::Error;

/// How a request body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding<'a> {
    /// `application/json`, always UTF-8 (RFC 8259).
    Json,
    /// `application/x-www-form-urlencoded` in UTF-8.
    UrlEncoded,
    /// `multipart/form-data`; the whole header, which holds the boundary.
    Multipart {
        /// The `Content-Type` header as sent.
        content_type: &'a str,
    },
}

const JSON: &str = "application/json";
const URL_ENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

impl Encoding<'static> {
    /// All three, as a client without parameters would name them.
    pub const ALL: [Self; 3] =
        [Self::Json, Self::UrlEncoded, Self::Multipart { content_type: MULTIPART }];
}

impl<'a> Encoding<'a> {
    /// Reads a `Content-Type` header; an absent one is an empty one.
    ///
    /// # Errors
    /// Any other media type, and a urlencoded body in another character set than UTF-8, which could not be stored as sent.
    pub fn of(content_type: &'a str) -> Result<Self, UnsupportedMediaType> {
        let mut parts = content_type.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
        match media_type.as_str() {
            JSON => Ok(Self::Json),
            URL_ENCODED if parts.all(keeps_utf8) => Ok(Self::UrlEncoded),
            MULTIPART => Ok(Self::Multipart { content_type }),
            _ => Err(UnsupportedMediaType { content_type: content_type.to_owned() }),
        }
    }

    /// The media type, without parameters.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Json => JSON,
            Self::UrlEncoded => URL_ENCODED,
            Self::Multipart { .. } => MULTIPART,
        }
    }
}

fn keeps_utf8(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else {
        return true;
    };
    let value = value.trim().trim_matches('"').to_ascii_lowercase();
    !name.trim().eq_ignore_ascii_case("charset")
        || matches!(value.as_str(), "utf-8" | "utf8" | "us-ascii")
}

/// A `Content-Type` that no form comes in; HTTP 415.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("Unsupported media type \"{content_type}\" in request.")]
pub struct UnsupportedMediaType {
    content_type: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_read_without_regard_to_case_and_parameters() {
        let multipart = "Multipart/Form-Data; boundary=b";
        let cases = [
            ("application/json", Some(Encoding::Json)),
            ("Application/JSON ; charset=utf-8", Some(Encoding::Json)),
            ("application/x-www-form-urlencoded", Some(Encoding::UrlEncoded)),
            ("application/x-www-form-urlencoded; charset=\"UTF-8\"", Some(Encoding::UrlEncoded)),
            ("application/x-www-form-urlencoded; charset=iso-8859-1", None),
            (multipart, Some(Encoding::Multipart { content_type: multipart })),
            ("text/plain", None),
            ("", None),
            ("application/json2", None),
        ];
        for (header, expected) in cases {
            assert_eq!(Encoding::of(header).ok(), expected, "{header}");
        }
    }
}
