//! The parameters of a request, from its query or from a form in its body.

use actix_web::{
    HttpRequest,
    http::{Method, header},
};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use relations::BadParameter;

use crate::refusal::Refusal;

/// Everything except what no client encodes in another way: a client signs `next` as it is here, and
/// must not change it afterwards.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

const VERSION: &str = "version";

const FORM: &str = "application/x-www-form-urlencoded";

/// Names and values in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Those of the query, and of the form in the body of a POST. The place at which a POST goes on
    /// is in its query, and counts more than one in the form.
    ///
    /// # Errors
    /// They are not UTF-8, or the body is not a form.
    pub fn of(request: &HttpRequest, body: &[u8]) -> Result<Self, Refusal> {
        let mut query = Self::in_query(request)?;
        if request.method() != Method::POST {
            return Ok(query);
        }
        let content_type = request.headers().get(header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
        let media_type = content_type.split(';').next().unwrap_or_default().trim();
        if !body.is_empty() && !media_type.eq_ignore_ascii_case(FORM) {
            return Err(Refusal::Body(
                "A POST has its parameters as application/x-www-form-urlencoded.",
            ));
        }
        let form =
            std::str::from_utf8(body).map_err(|_| Refusal::Body("The body is not UTF-8."))?;
        let mut form = Self::parse(form.trim_end_matches(['\r', '\n']))?;
        if query.has("next-id") {
            form.0.retain(|(name, _)| !is_place(name));
        }
        if query.has(VERSION) {
            form.0.retain(|(name, _)| name != VERSION);
        }
        query.0.append(&mut form.0);
        Ok(query)
    }

    /// Those of the query alone.
    ///
    /// # Errors
    /// They are not UTF-8.
    pub fn in_query(request: &HttpRequest) -> Result<Self, Refusal> {
        Ok(Self::parse(request.uri().query().unwrap_or_default())?)
    }

    fn parse(text: &str) -> Result<Self, BadParameter> {
        let decode = |text: &str| {
            let blanks = text.replace('+', " ");
            let decoded = percent_decode_str(&blanks).decode_utf8().map(|text| text.into_owned());
            decoded.map_err(|_| BadParameter::new("the parameters", "they are not UTF-8"))
        };
        text.split('&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                Ok((decode(name)?, decode(value)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| other == name)
    }

    /// The value of a parameter that may be there once.
    ///
    /// # Errors
    /// It is there twice.
    pub fn one(&self, name: &str) -> Result<Option<&str>, BadParameter> {
        let mut values = self.iter().filter(|(other, _)| *other == name).map(|(_, value)| value);
        let value = values.next();
        match values.next() {
            Some(_) => Err(BadParameter::new(name, "it is there twice")),
            None => Ok(value),
        }
    }

    /// A whole number.
    ///
    /// # Errors
    /// It is there twice, or is something else.
    pub fn number(
        &self,
        name: &str,
        range: std::ops::RangeInclusive<i64>,
    ) -> Result<Option<i64>, BadParameter> {
        let Some(value) = self.one(name)? else { return Ok(None) };
        match value.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let (least, most) = (range.start(), range.end());
                let reason = format!("it must be a whole number from {least} to {most}");
                Err(BadParameter::new(name, reason))
            }
        }
    }

    /// One of these words.
    ///
    /// # Errors
    /// It is there twice, or is something else.
    pub fn word<T: Copy>(
        &self,
        name: &str,
        words: &[(&str, T)],
    ) -> Result<Option<T>, BadParameter> {
        let Some(value) = self.one(name)? else { return Ok(None) };
        let found = words.iter().find(|(word, _)| *word == value).map(|(_, meaning)| *meaning);
        match found {
            Some(meaning) => Ok(Some(meaning)),
            None => {
                let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
                Err(BadParameter::new(name, format!("it must be {}", words.join(" or "))))
            }
        }
    }

    /// The query with which a page goes on: these parameters, except the place; of a dataset in the
    /// version that the page is from. A form is posted again, so its parameters need not be here.
    pub fn next_query(&self, next: i64, version: Option<i32>, is_form: bool) -> String {
        let mut query = String::new();
        let goes_on = |name: &str| !is_form && !is_place(name) && name != VERSION;
        for (name, value) in self.iter().filter(|(name, _)| goes_on(name)) {
            query.push_str(&format!("{}={}&", encode(name), encode(value)));
        }
        if let Some(version) = version {
            query.push_str(&format!("{VERSION}={version}&"));
        }
        format!("{query}next-id={next}")
    }
}

/// Whether a parameter says where a page begins, or how long it waits there.
fn is_place(name: &str) -> bool {
    matches!(name, "next-id" | "after" | "wait")
}

pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn of(request: TestRequest, body: &str) -> Result<Vec<(String, String)>, String> {
        let parameters = Parameters::of(&request.to_http_request(), body.as_bytes());
        parameters.map(|parameters| parameters.0).map_err(|refusal| format!("{refusal:?}"))
    }

    fn pairs(pairs: &[(&str, &str)]) -> Result<Vec<(String, String)>, String> {
        Ok(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn a_query_is_decoded_once() {
        let get = |query: &str| of(TestRequest::with_uri(&format!("/?{query}")), "");
        assert_eq!(get(""), pairs(&[]));
        assert_eq!(get("a=1&&b"), pairs(&[("a", "1"), ("b", "")]));
        assert_eq!(get("a%3Db=c%26+d%2B&a=%2541"), pairs(&[("a=b", "c& d+"), ("a", "%41")]));
        assert!(get("a=%FF").unwrap_err().contains("UTF-8"));
    }

    #[test]
    fn the_query_of_a_post_says_where_it_goes_on() {
        let post = |uri: &str, body: &str| {
            let request = TestRequest::with_uri(uri).method(Method::POST);
            of(request.insert_header((header::CONTENT_TYPE, FORM)), body)
        };
        assert_eq!(post("/", "a=1&after=5"), pairs(&[("a", "1"), ("after", "5")]));
        assert_eq!(post("/?next-id=9", "a=1&after=5"), pairs(&[("next-id", "9"), ("a", "1")]));
        let json = TestRequest::with_uri("/").method(Method::POST);
        let json = json.insert_header((header::CONTENT_TYPE, "application/json"));
        assert!(of(json, "{}").is_err());
    }

    #[test]
    fn the_next_query_is_encoded_as_every_client_leaves_it() {
        let query = "orientation=records&next-id=3&column.a/b=eq.x y~é&wait=5";
        let parameters = Parameters::parse(query).unwrap();
        let expected = "orientation=records&column.a%2Fb=eq.x%20y~%C3%A9&next-id=7";
        assert_eq!(parameters.next_query(7, None, false), expected);
        assert_eq!(parameters.next_query(7, Some(2), true), "version=2&next-id=7");
    }
}
