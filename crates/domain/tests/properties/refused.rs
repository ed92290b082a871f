//! A single value that cannot be stored, anywhere in a form, makes the api refuse the whole form.

use domain::{Encoding, Fields};
use proptest::prelude::*;
use test_kit::generated::{self, Json};

use crate::invariants;

/// The code with which the api and the worker refuse an object that has this JSON text inside it.
fn refusal_code(around: &Json, bad: &str) -> String {
    let body = format!(r#"{{"a":{},"x":[0,{{"in":{bad}}}],"z":1}}"#, around.written());
    let refusal = Fields::parse(body.as_bytes(), Encoding::Json).unwrap_err();
    assert_eq!(Fields::from_json(body.as_bytes()).unwrap_err(), refusal);
    invariants::check_request(format!("application/json\n{body}").as_bytes());
    invariants::check_message(format!("\n\n\n{body}").as_bytes());
    refusal.to_string()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn a_nul_character_is_refused(around in generated::json(), before in "[a-zé😀]{0,9}", after in "[a-zé😀]{0,9}") {
        prop_assert_eq!(refusal_code(&around, &format!(r#""{before}\u0000{after}""#)), "null_character");
        prop_assert_eq!(refusal_code(&around, &format!(r#"{{"{before}\u0000{after}":1}}"#)), "null_character");
        let body = format!("data=1&{before}%00={after}");
        prop_assert_eq!(Fields::parse(body.as_bytes(), Encoding::UrlEncoded).unwrap_err().to_string(), "null_character");
    }

    #[test]
    fn a_number_with_more_than_1000_digits_is_refused(around in generated::json(), shift in 1000u64.., digits in 1001usize..3000) {
        for number in [format!("1e{shift}"), format!("-1E-{shift}"), format!("{shift}e{shift}{shift}"), "7".repeat(digits)] {
            prop_assert_eq!(refusal_code(&around, &number), "number_too_long");
        }
    }

    #[test]
    fn nesting_deeper_than_127_is_refused(around in generated::json(), depth in 125usize..2000) {
        prop_assert_eq!(refusal_code(&around, &format!("{}1{}", "[".repeat(depth), "]".repeat(depth))), "too_deep");
    }

    #[test]
    fn a_lone_surrogate_is_refused(around in generated::json(), unit in 0xd800u16..0xe000, after in "[a-z]{0,9}") {
        prop_assert_eq!(refusal_code(&around, &format!(r#""\u{unit:04x}{after}""#)), "not_json");
    }

    #[test]
    fn a_key_that_serde_json_reserves_is_refused(around in generated::json(), rest in "[A-Za-z]{0,9}", value in generated::json()) {
        let object = format!(r#"{{"$serde_json::private::{rest}":{}}}"#, value.written());
        prop_assert_eq!(refusal_code(&around, &object), "reserved_key");
        let number = format!(r#"{{"$serde_json::private::Number":{}}}"#, value.written());
        prop_assert_eq!(refusal_code(&around, &number), "reserved_key");
        let pair = format!("data=1&$serde_json::private::{rest}=1");
        prop_assert_eq!(Fields::parse(pair.as_bytes(), Encoding::UrlEncoded).unwrap_err().to_string(), "reserved_key");
        invariants::check_request(format!("application/x-www-form-urlencoded\n{pair}").as_bytes());
    }
}
