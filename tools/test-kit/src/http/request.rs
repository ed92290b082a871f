use std::{net::SocketAddr, time::Duration};

use reqwest::{Method, header::HeaderValue};

use super::{Answer, Http, raw};
use crate::forms::{SECRET, signature};

/// A raw request that gets no answer is given up after this time.
const RAW_LIMIT: Duration = Duration::from_secs(10);

/// A request to one service.
#[derive(Clone, Debug)]
#[must_use = "a request does nothing until it is sent"]
pub struct Request {
    http: Http,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    secret: Option<String>,
    timeout: Option<Duration>,
}

impl Request {
    pub(super) fn new(http: Http, method: &str, path: &str) -> Self {
        Self {
            http,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: Vec::new(),
            body: Vec::new(),
            secret: None,
            timeout: None,
        }
    }

    /// Adds a header; the same name may be added more than once.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn content_type(self, content_type: &str) -> Self {
        self.header("Content-Type", content_type)
    }

    /// Adds an `Authorization` header, for example of a Hawk client.
    pub fn authorization(self, value: &str) -> Self {
        self.header("Authorization", value)
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// A body with its `Content-Type: application/json`.
    pub fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.content_type("application/json").body(body)
    }

    /// Signs path and body with the UI secret of the test services, as in 2016.
    pub fn signed(self) -> Self {
        self.signed_with(SECRET)
    }

    /// Signs path and body with another secret.
    pub fn signed_with(mut self, secret: &str) -> Self {
        self.secret = Some(secret.to_owned());
        self
    }

    /// The request fails if it takes longer than this.
    pub fn within(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Sends the request and reads the whole answer.
    ///
    /// # Panics
    /// The service does not answer.
    pub async fn send(&self) -> Answer {
        let (method, url) = (&self.method, self.http.url(&self.path));
        self.try_send().await.unwrap_or_else(|error| panic!("{method} {url}: {error:?}"))
    }

    /// [`Request::send`] to a service that may be gone.
    ///
    /// # Errors
    /// The service does not answer.
    pub async fn try_send(&self) -> reqwest::Result<Answer> {
        let method: Method = self.method.parse().expect("a method of HTTP");
        let mut request = self.http.client.request(method, self.http.url(&self.path));
        for (name, value) in self.all_headers() {
            let value = HeaderValue::from_bytes(value.as_bytes());
            request = request.header(name, value.expect("a header value; if not, use send_raw"));
        }
        if let Some(timeout) = self.timeout {
            request = request.timeout(timeout);
        }
        if !self.body.is_empty() {
            request = request.body(self.body.clone());
        }
        let answer = Answer::read(request.send().await?).await?;
        Ok(self.checked(answer))
    }

    /// Sends exactly [`Request::to_bytes`] on a connection of its own.
    pub async fn send_raw(&self) -> Answer {
        let address = self.http.origin.trim_start_matches("http://");
        let address: SocketAddr = address.parse().expect("the address of a service");
        let limit = self.timeout.unwrap_or(RAW_LIMIT);
        self.checked(raw::exchange(address, &self.to_bytes(), limit).await)
    }

    fn checked(&self, answer: Answer) -> Answer {
        if let Some(check) = &self.http.check {
            check.0(&self.method, &self.path, &answer);
        }
        answer
    }

    /// The request as bytes. The connection is to be closed after the answer; the host is
    /// `forms.example` unless a header says otherwise.
    pub fn to_bytes(&self) -> Vec<u8> {
        let headers = self.all_headers();
        let has = |name: &str| headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.path);
        if !has("Host") {
            head.push_str("Host: forms.example\r\n");
        }
        head.push_str("Connection: close\r\n");
        for (name, value) in &headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let has_length = has("Content-Length") || has("Transfer-Encoding");
        if !has_length && (!self.body.is_empty() || self.method == "POST") {
            head.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        [head.as_bytes(), b"\r\n", &self.body].concat()
    }

    fn all_headers(&self) -> Vec<(String, String)> {
        let mut headers = self.headers.clone();
        if let Some(secret) = &self.secret {
            let signature = signature(&self.path, &self.body, secret);
            headers.push(("X-Signature".to_owned(), signature));
        }
        headers
    }
}
