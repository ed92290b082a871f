//! The health pages: `/healthcheck/` says that the process is alive, `/healthcheck/ready/` that its dependencies answer.

use std::{pin::Pin, sync::Arc, time::Duration};

use actix_web::{HttpResponse, web};
use futures_util::future::join_all;
use serde_json::{Map, Value};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use crate::page::page;

/// How long one check may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(3);
/// Anyone may request the page, so its result is kept this long: the dependencies are not asked for every request.
const KEEP_REPORT: Duration = Duration::from_secs(1);

/// Asks one dependency. The error is a phrase that anyone may see.
pub type Check =
    Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<(), &'static str>> + Send>> + Send + Sync>;

/// The dependencies of a service, each with a name and a check. Clones share the last report.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    checks: Vec<(String, Check)>,
    needs: Needs,
    last: Mutex<Option<(Instant, Report)>>,
}

/// Which of its dependencies a service needs.
enum Needs {
    All,
    Any,
}

#[derive(Clone)]
struct Report {
    ready: bool,
    page: Value,
}

impl Health {
    /// A health page of a service that needs all these dependencies.
    pub fn new(checks: Vec<(String, Check)>) -> Self {
        Self::that_needs(Needs::All, checks)
    }

    /// A health page of a service that can work if one of these dependencies answers.
    pub fn ready_if_any(checks: Vec<(String, Check)>) -> Self {
        Self::that_needs(Needs::Any, checks)
    }

    fn that_needs(needs: Needs, checks: Vec<(String, Check)>) -> Self {
        Self(Arc::new(Inner { checks, needs, last: Mutex::new(None) }))
    }

    /// Whether the dependencies that it needs answer.
    pub async fn is_ready(&self) -> bool {
        self.report().await.ready
    }

    async fn report(&self) -> Report {
        // The lock is held while checking, so that simultaneous requests share one answer.
        let mut last = self.0.last.lock().await;
        if let Some((at, report)) = &*last
            && at.elapsed() < KEEP_REPORT
        {
            return report.clone();
        }
        let outcomes = join_all(self.0.checks.iter().map(|(name, check)| async move {
            let outcome = timeout(CHECK_TIMEOUT, check()).await.unwrap_or(Err("does not answer"));
            (name.clone(), outcome)
        }))
        .await;
        let mut answers = outcomes.iter().map(|(_, outcome)| outcome.is_ok());
        let ready = match self.0.needs {
            Needs::All => answers.all(|is_ok| is_ok),
            Needs::Any => answers.any(|is_ok| is_ok),
        };
        let mut page = Map::new();
        page.insert("status".to_owned(), if ready { "OK" } else { "not ready" }.into());
        for (name, outcome) in outcomes {
            page.insert(name, outcome.err().unwrap_or("OK").into());
        }
        let report = Report { ready, page: Value::Object(page) };
        *last = Some((Instant::now(), report.clone()));
        report
    }
}

/// The routes of the health pages, with and without a slash at the end; they need [`Health`] as `web::Data`.
pub fn routes(service: &mut web::ServiceConfig) {
    for slash in ["", "/"] {
        service
            .service(page(&format!("/healthcheck{slash}"), alive))
            .service(page(&format!("/healthcheck/ready{slash}"), ready));
    }
}

async fn alive() -> HttpResponse {
    HttpResponse::Ok().json(serde_json::json!({ "status": "OK" }))
}

async fn ready(health: web::Data<Health>) -> HttpResponse {
    let report = health.report().await;
    let mut answer =
        if report.ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.json(report.page)
}
