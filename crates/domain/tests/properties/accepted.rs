//! What is sent within the limits is taken, and the worker decodes it to what was sent.

use std::collections::BTreeMap;

use domain::{Encoding, Fields};
use proptest::{collection::vec, prelude::*};
use test_kit::generated::{self, Meaning};

use crate::holds;

/// The fields that the edge reads, in the words of the generator, after all that holds of them was looked at.
fn taken(body: &[u8], encoding: Encoding<'_>) -> Meaning {
    let fields = Fields::parse(body, encoding).unwrap();
    holds::of_accepted(&fields);
    fields.as_value().into()
}

/// Text values by name, of a repeated name the last.
fn texts<'a>(pairs: impl IntoIterator<Item = &'a (String, String)>) -> Meaning {
    let fields =
        pairs.into_iter().map(|(name, value)| (name.clone(), Meaning::Text(value.clone())));
    Meaning::Object(fields.collect::<BTreeMap<_, _>>())
}

fn text() -> impl Strategy<Value = String> {
    generated::text().prop_map(|text| generated::characters(&text))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(100) })]

    #[test]
    fn json_is_taken_as_it_was_meant(form in generated::forms()) {
        prop_assert_eq!(taken(form.written().as_bytes(), Encoding::Json), form.meaning());
    }

    #[test]
    fn a_number_keeps_its_value_and_its_scale(number in generated::numbers()) {
        let body = format!(r#"{{"data":{number}}}"#);
        let fields = Fields::parse(body.as_bytes(), Encoding::Json).unwrap();
        let kept = fields.get("data").unwrap().as_number().unwrap().as_str();
        prop_assert_eq!(generated::in_plain_notation(kept), generated::in_plain_notation(&number));
    }

    #[test]
    fn urlencoded_pairs_are_taken_as_they_were_meant(pairs in vec((text(), text()), 1..6)) {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        prop_assert_eq!(taken(body.as_bytes(), Encoding::UrlEncoded), texts(&pairs));
    }

    #[test]
    fn multipart_parts_are_taken_as_they_were_meant(
        pairs in vec(("[a-zA-Z0-9_.é😀-]{1,20}", text()), 1..6)
    ) {
        let content_type = "multipart/form-data; boundary=----boundary7MA4YWxkTrZu0gW";
        let part = |(name, value): &(String, String)| {
            format!("------boundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let parts: String = pairs.iter().map(part).collect();
        let body = format!("{parts}------boundary7MA4YWxkTrZu0gW--\r\n");
        prop_assert_eq!(taken(body.as_bytes(), Encoding::Multipart { content_type }), texts(&pairs));
    }
}
