use reqwest::Response;
use serde_json::Value;

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// 0 if a raw connection gave no answer.
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
    /// Whether the service closed the connection. Only known for raw requests.
    pub closed: bool,
}

impl Answer {
    pub(super) async fn read(response: Response) -> reqwest::Result<Self> {
        let status = response.status().as_u16();
        let headers = response.headers().iter().map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        let headers = headers.collect();
        let body = String::from_utf8_lossy(&response.bytes().await?).into_owned();
        Ok(Self { status, headers, body, closed: false })
    }

    /// The first header with this name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(header, _)| header.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// The body is not JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_str(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("not JSON: {error}: {self:?}"),
        }
    }

    /// This answer, which must have this status.
    ///
    /// # Panics
    /// It has another.
    #[track_caller]
    pub fn expect_status(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// The submission id in an answer with status 202.
    ///
    /// # Panics
    /// The form was not accepted, or the answer has no id.
    #[track_caller]
    pub fn submission_id(&self) -> String {
        assert_eq!(self.status, 202, "{self:?}");
        match self.json().get("id").and_then(Value::as_str) {
            Some(id) => id.to_owned(),
            None => panic!("no id: {self:?}"),
        }
    }
}
