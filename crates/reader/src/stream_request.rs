//! The format and the options of a stream that a client asks for.

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderName},
};
use relations::{BadParameter, Relation, Selection};
use tabular::{CsvOptions, Delimiter, Format, Formulas, JsonLinesOptions, ParquetOptions};

use crate::{
    page_request::{ANY_KEY, refuse_unknown, selection},
    parameters::Parameters,
};

/// The parameters of CSV alone.
pub const OF_CSV: &[&str] = &["bom", "formulas", "delimiter"];
const OF_STREAMS: &[&str] = &["after", "limit", "columns", "tz", "format", "version"];

/// A format that is not pages of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Csv,
    JsonLines,
    Parquet,
    Xlsx,
}

/// A stream that a client wants.
#[derive(Debug)]
pub struct StreamRequest {
    pub selection: Selection,
    pub format: Format,
    /// Rows with a larger key only; `None` for all.
    pub after: Option<i64>,
    pub limit: Option<u64>,
}

impl Kind {
    /// The format of the answer; `None` for pages of JSON. The parameter `format` wins over `Accept`,
    /// and an `Accept` without a format that we have is not an error.
    ///
    /// # Errors
    /// The parameter is something else.
    pub fn of(
        parameters: &Parameters,
        request: &HttpRequest,
    ) -> Result<Option<Self>, BadParameter> {
        let formats = [
            ("json", None),
            ("csv", Some(Self::Csv)),
            ("jsonl", Some(Self::JsonLines)),
            ("parquet", Some(Self::Parquet)),
            ("xlsx", Some(Self::Xlsx)),
        ];
        let wanted = parameters.word("format", &formats)?;
        Ok(wanted.unwrap_or_else(|| accepted(request)))
    }

    /// As in `format`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
            Self::Parquet => "parquet",
            Self::Xlsx => "xlsx",
        }
    }

    fn of_media_type(media_type: &str) -> Option<Option<Self>> {
        match media_type {
            "*/*" | "application/*" | "application/json" => Some(None),
            "text/csv" | "text/*" => Some(Some(Self::Csv)),
            "application/jsonl" | "application/x-ndjson" | "application/x-jsonlines" => {
                Some(Some(Self::JsonLines))
            }
            "application/vnd.apache.parquet" => Some(Some(Self::Parquet)),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => {
                Some(Some(Self::Xlsx))
            }
            _ => None,
        }
    }
}

impl StreamRequest {
    /// Reads the parameters of a stream of this relation.
    ///
    /// # Errors
    /// One of them cannot be used.
    pub fn read(
        parameters: &Parameters,
        relation: Relation,
        kind: Kind,
    ) -> Result<Self, BadParameter> {
        let more: &[&str] = match kind {
            Kind::Csv => OF_CSV,
            Kind::JsonLines | Kind::Parquet => &["numbers"],
            Kind::Xlsx => &[],
        };
        refuse_unknown(parameters, &relation, &[OF_STREAMS, more].concat())?;
        let limit = parameters.number("limit", 1..=i64::MAX)?;
        Ok(Self {
            format: format(parameters, kind)?,
            after: parameters.number("after", ANY_KEY)?,
            limit: limit.map(i64::unsigned_abs),
            selection: selection(parameters, relation)?,
        })
    }
}

fn format(parameters: &Parameters, kind: Kind) -> Result<Format, BadParameter> {
    Ok(match kind {
        Kind::Csv => {
            let switch = [("on", true), ("off", false)];
            let formulas = [("guarded", Formulas::Guarded), ("raw", Formulas::Raw)];
            let delimiters = [
                ("comma", Delimiter::Comma),
                ("semicolon", Delimiter::Semicolon),
                ("tab", Delimiter::Tab),
                ("pipe", Delimiter::Pipe),
            ];
            Format::Csv(CsvOptions {
                bom: parameters.word("bom", &switch)?.unwrap_or_default(),
                formulas: parameters.word("formulas", &formulas)?.unwrap_or_default(),
                delimiter: parameters.word("delimiter", &delimiters)?.unwrap_or_default(),
            })
        }
        Kind::JsonLines => Format::JsonLines(JsonLinesOptions {
            numbers_as_text: parameters.word("numbers", &[("text", ())])?.is_some(),
            rows_as_lists: false,
        }),
        Kind::Parquet => Format::Parquet(ParquetOptions {
            numeric_as_double: parameters.word("numbers", &[("double", ())])?.is_some(),
        }),
        Kind::Xlsx => Format::Xlsx,
    })
}

/// The format that the client likes best among those that we have.
fn accepted(request: &HttpRequest) -> Option<Kind> {
    let mut best: Option<(u32, Option<Kind>)> = None;
    for (media_type, weight) in weighted(request, header::ACCEPT) {
        if let Some(kind) = Kind::of_media_type(&media_type)
            && weight > 0
            && best.is_none_or(|(best, _)| weight > best)
        {
            best = Some((weight, kind));
        }
    }
    best.and_then(|(_, kind)| kind)
}

/// Whether the client takes gzip.
pub fn accepts_gzip(request: &HttpRequest) -> bool {
    let mut codings = weighted(request, header::ACCEPT_ENCODING);
    codings.any(|(coding, weight)| coding == "gzip" && weight > 0)
}

/// The members of a header, such as `text/csv;q=0.5`, in lower case, with their weights in
/// thousandths.
fn weighted(request: &HttpRequest, name: HeaderName) -> impl Iterator<Item = (String, u32)> {
    let values = request.headers().get_all(name).filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(|member| {
        let mut parts = member.split(';').map(|part| part.trim().to_ascii_lowercase());
        let name = parts.next().unwrap_or_default();
        let weight = parts.find_map(|part| part.strip_prefix("q=").and_then(|q| q.parse().ok()));
        let weight: f32 = weight.unwrap_or(1.0);
        // A weight is from 0 to 1; a cast never overflows.
        (name, (weight * 1000.0) as u32)
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn with(accept: &str) -> Option<Kind> {
        let request = TestRequest::default().insert_header((header::ACCEPT, accept));
        Kind::of(&Parameters::default(), &request.to_http_request()).unwrap()
    }

    #[test]
    fn accept_chooses_a_format_and_never_fails() {
        for (accept, expected) in [
            ("*/*", None),
            ("", None),
            ("text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", None),
            ("image/png", None),
            ("application/json", None),
            ("text/csv", Some(Kind::Csv)),
            ("TEXT/CSV; charset=utf-8", Some(Kind::Csv)),
            ("application/json;q=0.5, text/csv;q=0.6", Some(Kind::Csv)),
            ("text/csv;q=0, */*;q=0.1", None),
            ("application/x-ndjson", Some(Kind::JsonLines)),
            ("application/vnd.apache.parquet, */*", Some(Kind::Parquet)),
            ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Some(Kind::Xlsx)),
            ("a;q=x;;,,;q=", None),
        ] {
            assert_eq!(with(accept), expected, "{accept}");
        }
    }

    #[test]
    fn gzip_is_sent_to_those_who_ask_for_it() {
        let accepts = |value: &str| {
            let request = TestRequest::default().insert_header((header::ACCEPT_ENCODING, value));
            accepts_gzip(&request.to_http_request())
        };
        assert!(accepts("gzip, deflate, br") && accepts("deflate;q=1, GZIP;q=0.5"));
        assert!(!accepts("gzip;q=0") && !accepts("deflate") && !accepts(""));
    }
}
