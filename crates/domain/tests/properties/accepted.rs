//! Forms within the limits are accepted, and the worker decodes them to the same values.

use std::collections::BTreeMap;

use domain::{Encoding, Fields};
use proptest::{collection::vec, prelude::*};
use test_kit::generated::{self, Meaning};

use crate::invariants;

/// The fields that the api reads, as the generator's own type; also checks the invariants.
fn accept(body: &[u8], encoding: Encoding<'_>) -> Meaning {
    let fields = Fields::parse(body, encoding).unwrap();
    invariants::check_accepted(&fields);
    (&fields.to_value()).into()
}

/// Text values by name; the last value of a repeated name wins.
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
    fn json_is_accepted_with_its_meaning(form in generated::forms()) {
        prop_assert_eq!(accept(form.written().as_bytes(), Encoding::Json), form.meaning());
    }

    #[test]
    fn a_number_keeps_its_value_and_scale(number in generated::numbers()) {
        let body = format!(r#"{{"data":{number}}}"#);
        let fields = Fields::parse(body.as_bytes(), Encoding::Json).unwrap();
        let kept = fields.get("data").unwrap();
        prop_assert_eq!(generated::in_plain_notation(kept), generated::in_plain_notation(&number));
    }

    #[test]
    fn urlencoded_pairs_are_accepted_with_their_meaning(pairs in vec((text(), text()), 1..6)) {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&pairs).finish();
        prop_assert_eq!(accept(body.as_bytes(), Encoding::UrlEncoded), texts(&pairs));
    }

    #[test]
    fn multipart_parts_are_accepted_with_their_meaning(
        pairs in vec(("[a-zA-Z0-9_.é😀-]{1,20}", text()), 1..6)
    ) {
        let content_type = "multipart/form-data; boundary=----boundary7MA4YWxkTrZu0gW";
        let part = |(name, value): &(String, String)| {
            format!("------boundary7MA4YWxkTrZu0gW\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let parts: String = pairs.iter().map(part).collect();
        let body = format!("{parts}------boundary7MA4YWxkTrZu0gW--\r\n");
        prop_assert_eq!(accept(body.as_bytes(), Encoding::Multipart { content_type }), texts(&pairs));
    }
}
