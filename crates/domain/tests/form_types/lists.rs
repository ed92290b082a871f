//! Repeated names in the encodings other than JSON.

use domain::{Encoding, FormType};

#[test]
fn a_list_in_the_schema_gets_all_values_of_a_repeated_name() {
    let schema = r#"{"properties": {
        "data": {"type": ["array", "string"]},
        "interests": {"type": "array", "items": {"type": "string", "minLength": 1}}
    }}"#;
    let form_type = FormType::from_schema("form", schema).unwrap();
    let multipart = Encoding::Multipart { content_type: "multipart/form-data; boundary=b" };
    let part = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap();
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let cases = [
        (
            "x=1&x=2&interests=b&data=1&interests=a&data=2",
            r#"{"data":"2","interests":["b","a"],"x":"2"}"#,
        ),
        ("interests=a", r#"{"interests":["a"]}"#),
        ("interests=a&interests=a", r#"{"interests":["a","a"]}"#),
        ("data=1", r#"{"data":"1"}"#),
    ];
    for (pairs, expected) in cases {
        let fields = form_type.parse(pairs.as_bytes(), Encoding::UrlEncoded).unwrap();
        assert_eq!(fields.as_json(), expected, "{pairs}");
        let parts = format!("{}--b--\r\n", pairs.split('&').map(part).collect::<String>());
        let fields = form_type.parse(parts.as_bytes(), multipart).unwrap();
        assert_eq!(fields.as_json(), expected, "{pairs} in parts");
    }
    for (pairs, reason) in
        [("interests=a&interests=", "blank at interests.1"), ("interests=%00", "null_character")]
    {
        let refusal = form_type.parse(pairs.as_bytes(), Encoding::UrlEncoded).unwrap_err();
        assert_eq!(refusal.to_string(), reason);
    }
}
