//! The address of the reader as a client sees it.

use std::net::Ipv4Addr;

use actix_web::{
    HttpRequest,
    http::{Uri, header},
};

/// Scheme, host and port of a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Without a slash at the end.
    pub text: String,
    pub host: String,
    pub port: u16,
}

/// The origins in `PUBLIC_URL`; none if the reader listens on loopback only.
#[derive(Clone, Debug)]
pub struct Origins(Vec<Origin>);

impl Origin {
    /// `None` if the text is something else than an origin.
    pub fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let scheme = uri.scheme_str()?;
        let usual = usual_port(scheme)?;
        let host = uri.host().filter(|host| !host.is_empty())?.to_ascii_lowercase();
        let port = uri.port_u16().unwrap_or(usual);
        let is_origin = uri.path_and_query().is_none_or(|path| path == "/")
            && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        is_origin.then(|| Self::new(scheme, &host, port))
    }

    fn new(scheme: &str, host: &str, port: u16) -> Self {
        let text = if usual_port(scheme) == Some(port) {
            format!("{scheme}://{host}")
        } else {
            format!("{scheme}://{host}:{port}")
        };
        Self { text, host: host.to_owned(), port }
    }

    fn is_https(&self) -> bool {
        self.text.starts_with("https:")
    }

    /// Whether a client of this origin sends this as `Host`.
    fn is_in(&self, host: &str) -> bool {
        let (_, authority) = self.text.split_once("://").unwrap_or_default();
        host.eq_ignore_ascii_case(authority)
            || host.eq_ignore_ascii_case(&format!("{}:{}", self.host, self.port))
    }

    fn is_loopback(&self) -> bool {
        let is_ipv4 = self.host.parse().is_ok_and(|host: Ipv4Addr| host.is_loopback());
        is_ipv4 || self.host == "localhost" || self.host == "[::1]"
    }
}

impl Origins {
    pub fn new(origins: Vec<Origin>) -> Self {
        Self(origins)
    }

    pub fn iter(&self) -> impl Iterator<Item = &Origin> {
        self.0.iter()
    }

    /// Whether one of them is http on another machine.
    pub fn has_plain_http(&self) -> bool {
        self.0.iter().any(|origin| !origin.is_https() && !origin.is_loopback())
    }

    /// The one that the request names in `Host`, else the first: a client cannot choose an address
    /// that is not ours.
    pub fn of(&self, request: &HttpRequest) -> Origin {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.unwrap_or_default();
        match self.0.iter().find(|origin| origin.is_in(host)).or(self.0.first()) {
            Some(origin) => origin.clone(),
            None => Self::on_loopback(host, request.app_config().local_addr().port()),
        }
    }

    fn on_loopback(host: &str, port: u16) -> Origin {
        let sent = Origin::parse(&format!("http://{host}")).filter(Origin::is_loopback);
        sent.unwrap_or_else(|| Origin::new("http", "127.0.0.1", port))
    }
}

fn usual_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn of(origins: &[&str], host: &str) -> String {
        let origins = origins.iter().map(|text| Origin::parse(text).unwrap()).collect();
        let request = TestRequest::default().insert_header((header::HOST, host)).to_http_request();
        Origins::new(origins).of(&request).text
    }

    #[test]
    fn a_request_chooses_among_our_origins_and_no_other() {
        let two = ["https://data.example", "http://inside.example:8002/"];
        for (host, expected) in [
            ("data.example", "https://data.example"),
            ("DATA.example:443", "https://data.example"),
            ("inside.example:8002", "http://inside.example:8002"),
            ("inside.example", "https://data.example"),
            ("evil.example", "https://data.example"),
            ("", "https://data.example"),
        ] {
            assert_eq!(of(&two, host), expected, "{host}");
        }
    }

    #[test]
    fn on_loopback_a_request_may_use_any_name_of_loopback() {
        for (host, expected) in [
            ("localhost:8002", "http://localhost:8002"),
            ("127.0.0.1:8002", "http://127.0.0.1:8002"),
            ("[::1]:8002", "http://[::1]:8002"),
            ("evil.example", "http://127.0.0.1:8080"),
            ("127.evil.example", "http://127.0.0.1:8080"),
            ("a b", "http://127.0.0.1:8080"),
        ] {
            assert_eq!(of(&[], host), expected, "{host}");
        }
    }

    #[test]
    fn what_is_not_an_origin_is_refused() {
        for text in [
            "",
            "data.example",
            "ftp://data.example",
            "https://",
            "https://a/b",
            "https://a?b",
            "https://user@data.example",
        ] {
            assert_eq!(Origin::parse(text), None, "{text}");
        }
    }
}
