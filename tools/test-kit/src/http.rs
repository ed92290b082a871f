//! Requests to a service, and its answers.
//!
//! ```no_run
//! # async fn test(api: test_kit::Service) {
//! let answer = api.post_form(r#"{"data": 1}"#).await;
//! assert_eq!(answer.status, 202);
//!
//! let index = api.request("GET", "/").signed().send().await.expect_status(200).json();
//! let again = api.request("POST", "/form/").json(r#"{"data": 1}"#).signed();
//! let again = again.header("Idempotency-Key", "key").send().await;
//! # }
//! ```

mod answer;
pub mod raw;
mod request;

use std::{fmt, sync::Arc, time::Duration};

use reqwest::Client;

pub use answer::Answer;
pub use request::Request;

/// A service closes a connection that is idle for 5 s. A request that is sent at that moment fails, so
/// the client never uses a connection that has been idle for longer than this.
const IDLE_LIMIT: Duration = Duration::from_secs(2);

/// A client of one service. Clones share their connections.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
    origin: String,
    check: Option<Check>,
}

/// Looks at the method, the path and the answer of each request, and panics if the answer is wrong.
#[derive(Clone)]
struct Check(Arc<dyn Fn(&str, &str, &Answer) + Send + Sync>);

impl fmt::Debug for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Check")
    }
}

impl Http {
    /// A client of the service at this origin (`http://127.0.0.1:8000`).
    pub fn at(origin: impl Into<String>) -> Self {
        let client = Client::builder().pool_idle_timeout(IDLE_LIMIT).build();
        Self { client: client.expect("a client without TLS"), origin: origin.into(), check: None }
    }

    /// This client, which gives the method, the path and the answer of each request to `check`.
    #[must_use]
    pub fn checked_by(self, check: impl Fn(&str, &str, &Answer) + Send + Sync + 'static) -> Self {
        Self { check: Some(Check(Arc::new(check))), ..self }
    }

    /// The origin with this path.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// A request, to be completed and sent.
    pub fn request(&self, method: &str, path: &str) -> Request {
        Request::new(self.clone(), method, path)
    }

    /// Gets a page that needs no signature.
    pub async fn get(&self, path: &str) -> Answer {
        self.request("GET", path).send().await
    }

    /// Posts JSON to `/form/`, signed with the UI secret.
    pub async fn post_form(&self, body: impl Into<Vec<u8>>) -> Answer {
        self.request("POST", "/form/").json(body).signed().send().await
    }

    /// [`Http::post_form`] to a service that may be gone.
    ///
    /// # Errors
    /// The service does not answer.
    pub async fn try_post_form(&self, body: impl Into<Vec<u8>>) -> reqwest::Result<Answer> {
        self.request("POST", "/form/").json(body).signed().try_send().await
    }
}
