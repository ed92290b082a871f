use crate::sent::{Sent, verifier};

#[test]
fn a_header_that_two_parsers_could_read_differently_is_refused() {
    let cases: [(&str, fn(&mut Sent), &str); 34] = [
        ("scheme alone", |sent| sent.authorization = Some("Hawk".to_owned()), "attribute_missing"),
        (
            "scheme and space",
            |sent| sent.authorization = Some("Hawk ".to_owned()),
            "attribute_missing",
        ),
        ("no id", |sent| sent.replace("id=\"ui\", ", ""), "attribute_missing"),
        ("empty id", |sent| sent.replace("id=\"ui\"", "id=\"\""), "attribute_missing"),
        ("no ts", |sent| sent.replace("ts=\"1800000000\", ", ""), "attribute_missing"),
        ("no nonce", |sent| sent.replace("nonce=\"j4h3g2\", ", ""), "attribute_missing"),
        ("empty nonce", |sent| sent.replace("nonce=\"j4h3g2\"", "nonce=\"\""), "attribute_missing"),
        ("no mac", |sent| sent.replace("mac=\"", "app=\""), "attribute_missing"),
        ("empty mac", |sent| sent.replace("mac=\"", "mac=\"\", app=\""), "attribute_missing"),
        (
            "id twice",
            |sent| sent.replace("id=\"ui\"", "id=\"ui\", id=\"ui\""),
            "duplicate_attribute",
        ),
        (
            "ext twice, first empty",
            |sent| sent.replace("ext=", "ext=\"\", ext="),
            "duplicate_attribute",
        ),
        ("unknown attribute", |sent| sent.replace("id=", "tsm=\"1\", id="), "malformed"),
        ("case of an attribute", |sent| sent.replace("id=", "ID="), "malformed"),
        ("space before =", |sent| sent.replace("id=", "id ="), "malformed"),
        ("space after =", |sent| sent.replace("id=", "id= "), "malformed"),
        ("no quotes", |sent| sent.replace("id=\"ui\"", "id=ui"), "malformed"),
        ("single quotes", |sent| sent.replace("id=\"ui\"", "id='ui'"), "malformed"),
        ("no comma", |sent| sent.replace("id=\"ui\", ", "id=\"ui\" "), "malformed"),
        ("two commas", |sent| sent.replace("id=\"ui\", ", "id=\"ui\",, "), "malformed"),
        (
            "a comma at the end",
            |sent| sent.authorization.as_mut().unwrap().push_str(", "),
            "malformed",
        ),
        (
            "a word at the end",
            |sent| sent.authorization.as_mut().unwrap().push_str(" x"),
            "malformed",
        ),
        (
            "an open quote",
            |sent| {
                sent.authorization =
                    sent.authorization.take().map(|header| header[..header.len() - 1].to_owned())
            },
            "malformed",
        ),
        ("backslash", |sent| sent.replace("some ext", "some\\ext"), "malformed"),
        ("line end", |sent| sent.replace("some ext", "some\next"), "malformed"),
        ("other letters", |sent| sent.replace("some ext", "some äxt"), "malformed"),
        ("ts with a sign", |sent| sent.replace("ts=\"", "ts=\"+"), "malformed"),
        (
            "ts with a fraction",
            |sent| sent.replace("ts=\"1800000000", "ts=\"1800000000.5"),
            "malformed",
        ),
        (
            "ts that is too long",
            |sent| sent.replace("ts=\"", "ts=\"99999999999999999999"),
            "malformed",
        ),
        ("mac in another alphabet", |sent| sent.replace("mac=\"", "mac=\"-_"), "malformed"),
        ("mac without padding", |sent| sent.replace("=\", ext", "\", ext"), "malformed"),
        ("long nonce", |sent| sent.replace("j4h3g2", &"n".repeat(129)), "malformed"),
        ("nonce at the limit", |sent| sent.replace("j4h3g2", &"n".repeat(128)), "mac_wrong"),
        ("long header", |sent| sent.replace("some ext", &"e".repeat(4096)), "header_too_long"),
        (
            "long header of another scheme",
            |sent| sent.authorization = Some("B".repeat(9999)),
            "another_scheme",
        ),
    ];
    for (what, alter, expected) in cases {
        let mut sent = Sent::default().signed();
        alter(&mut sent);
        assert_eq!(sent.code(&verifier()), expected, "{what}");
    }
}

#[test]
fn spaces_and_order_of_the_attributes_do_not_matter() {
    let mut sent = Sent::default().signed();
    sent.replace("id=\"ui\", ", "");
    let header = sent.authorization.unwrap();
    sent.authorization = Some(format!("{}  ,id=\"ui\" ", header.replace(", ", ",  ")));
    assert_eq!(sent.code(&verifier()), "good");
}

#[test]
fn a_header_may_have_4096_bytes() {
    for (length, expected) in [(4096, "mac_wrong"), (4097, "header_too_long")] {
        let mut sent = Sent::default().signed();
        let missing = length - sent.authorization.as_ref().unwrap().len();
        sent.replace("some ext", &format!("some ext{}", "e".repeat(missing)));
        assert_eq!(sent.code(&verifier()), expected, "{length}");
    }
}

#[test]
fn bytes_that_are_not_text_are_refused() {
    let head = hawk_auth::Head {
        authorization: Some(b"Hawk id=\"\xff\""),
        method: "GET",
        path_and_query: "/",
        host: "localhost",
        port: 80,
    };
    let request = hawk_auth::Request { head, content_type: "", body: b"" };
    assert_eq!(verifier().verify(&request, 0).unwrap_err().code(), "malformed");
}
