//! `GET /_status`: which version runs, and whether it is ready. With `?simple=1` it asks no dependency.

use std::{pin::Pin, sync::Arc};

use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{health::Health, page::page};

/// The build of this program; `GIT_COMMIT` and `BUILD_TIME` were in the environment of the compiler.
#[derive(Clone, Copy, Debug)]
pub struct Build {
    /// The version of the workspace.
    pub version: &'static str,
    /// The commit, or `unknown`.
    pub git_commit: &'static str,
    /// RFC 3339, or `unknown`.
    pub build_time: &'static str,
}

impl Build {
    /// The build of this program.
    pub const THIS: Self = Self {
        version: env!("CARGO_PKG_VERSION"),
        git_commit: or_unknown(option_env!("GIT_COMMIT")),
        build_time: or_unknown(option_env!("BUILD_TIME")),
    };
}

const fn or_unknown(text: Option<&'static str>) -> &'static str {
    match text {
        Some(text) if !text.is_empty() => text,
        _ => "unknown",
    }
}

/// Asks for a value that the page shows; null if it is unknown at the moment.
pub type Fact = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Value> + Send>> + Send + Sync>;

/// The values that the page shows besides the build, by name.
pub type Facts = Vec<(&'static str, Fact)>;

#[derive(Deserialize)]
struct Query {
    #[serde(default)]
    simple: String,
}

/// The route of the page; it needs [`Health`] and [`Facts`] as `web::Data`.
pub fn routes(service: &mut web::ServiceConfig) {
    service.service(page("/_status", status)).service(page("/_status/", status));
}

async fn status(
    query: web::Query<Query>,
    health: web::Data<Health>,
    facts: web::Data<Facts>,
) -> HttpResponse {
    let mut answer = Map::new();
    let is_simple = matches!(query.simple.as_str(), "1" | "true");
    let is_ready = is_simple || health.is_ready().await;
    answer.insert("status".to_owned(), if is_ready { "ok" } else { "not ready" }.into());
    answer.insert("version".to_owned(), Build::THIS.version.into());
    answer.insert("git_commit".to_owned(), Build::THIS.git_commit.into());
    answer.insert("build_time".to_owned(), Build::THIS.build_time.into());
    if !is_simple {
        for (name, fact) in facts.iter() {
            answer.insert((*name).to_owned(), fact().await);
        }
    }
    let mut response =
        if is_ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    response.json(Value::Object(answer))
}
