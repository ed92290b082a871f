//! The formats that a schema may name, in words.

/// The formats of 2020-12 except `idn-email` and `idn-hostname`, each with the words for a value of
/// that format.
pub(crate) const FORMATS: [(&str, &str); 17] = [
    ("date", "a real date, such as 2016-12-31"),
    ("date-time", "a real date and time, such as 2016-12-31T23:59:59Z"),
    ("duration", "a duration such as P1DT12H"),
    ("email", "an e-mail address"),
    ("hostname", "a host name such as www.example.com"),
    ("ipv4", "an IPv4 address such as 192.0.2.1"),
    ("ipv6", "an IPv6 address such as 2001:db8::1"),
    ("iri", "a web address such as https://example.com/"),
    ("iri-reference", "a web address, or part of one, such as /page"),
    ("json-pointer", "a JSON pointer such as /items/0"),
    ("regex", "a regular expression such as ^[a-z]+$"),
    ("relative-json-pointer", "a relative JSON pointer such as 1/items"),
    ("time", "a time such as 23:59:59Z"),
    ("uri", "a web address such as https://example.com/"),
    ("uri-reference", "a web address, or part of one, such as /page"),
    ("uri-template", "a web address template such as https://example.com/{page}"),
    ("uuid", "a UUID such as 019dd6a3-5a3c-7b02-8d9e-2f6c1a4b7e90"),
];

pub(crate) fn is_known(format: &str) -> bool {
    in_words(format).is_some()
}

pub(crate) fn in_words(format: &str) -> Option<&'static str> {
    FORMATS.iter().find(|(known, _)| *known == format).map(|(_, words)| *words)
}
