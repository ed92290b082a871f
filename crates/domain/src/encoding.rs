//! The three encodings of a request body, told apart by its `Content-Type`.

use thiserror::Error;

/// How a request body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding<'a> {
    /// `application/json`, always UTF-8 (RFC 8259).
    Json,
    /// `application/x-www-form-urlencoded` in UTF-8.
    UrlEncoded,
    /// `multipart/form-data`.
    Multipart {
        /// The `Content-Type` header as sent; it holds the boundary.
        content_type: &'a str,
    },
}

const JSON: &str = "application/json";
const URL_ENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data";

impl Encoding<'static> {
    /// All three, without parameters.
    pub const ALL: [Self; 3] =
        [Self::Json, Self::UrlEncoded, Self::Multipart { content_type: MULTIPART }];
}

impl<'a> Encoding<'a> {
    /// Reads a `Content-Type` header. Pass an empty string if the request has none.
    ///
    /// # Errors
    /// Any other media type, and a urlencoded body in a character set other than UTF-8, which could
    /// not be stored as sent.
    pub fn from_content_type(content_type: &'a str) -> Result<Self, UnsupportedMediaType> {
        let mut parts = content_type.split(';').map(str::trim);
        let media_type = parts.next().unwrap_or_default().to_ascii_lowercase();
        match media_type.as_str() {
            JSON => Ok(Self::Json),
            URL_ENCODED if parts.all(allows_utf8) => Ok(Self::UrlEncoded),
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

fn allows_utf8(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else {
        return true;
    };
    let value = value.trim().trim_matches('"').to_ascii_lowercase();
    !name.trim().eq_ignore_ascii_case("charset")
        || matches!(value.as_str(), "utf-8" | "utf8" | "us-ascii")
}

/// A `Content-Type` that the service does not accept; HTTP 415.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("Unsupported media type \"{content_type}\" in request.")]
pub struct UnsupportedMediaType {
    content_type: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_parameters_of_a_media_type_do_not_matter() {
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
            assert_eq!(Encoding::from_content_type(header).ok(), expected, "{header}");
        }
    }
}
