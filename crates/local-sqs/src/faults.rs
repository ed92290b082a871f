//! Injects faults to test clients: late, lost, wrong and duplicate answers. Needs the feature
//! `faults`.
//!
//! - `POST /_faults` with a JSON array of [`Rule`]s adds rules, `GET /_faults` lists them with the
//!   number of times each has fired, `DELETE /_faults` removes them.
//! - `GET /_calls` shows how often each action was called and for how many messages.
//!   `DELETE /_calls` resets the counts.
//!
//! At each of these points at most one rule applies to a request, the first that matches and fires:
//! 1. A delay before the work.
//! 2. `error`, `reset`, `hang` or `partial` instead of the work, or of part of it.
//! 3. A delay after the work.
//! 4. `lost_reply` or `duplicate` instead of the answer. These wait for a receive that returns
//!    messages, because losing an empty answer would lose nothing.

pub(crate) mod inject;
mod rules;

use std::{collections::BTreeMap, sync::Arc};

use actix_web::{
    HttpResponse, Responder,
    web::{self, Data, Json, ServiceConfig},
};
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;

use self::rules::{ArmedRule, Call, FiredRule, Point};
pub use self::rules::{InvalidRule, Kind, Rule, RuleStatus};
use crate::action::Action;

/// The rules and call counts of one server. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    rules: Vec<ArmedRule>,
    calls: BTreeMap<&'static str, Calls>,
    /// Every open call holds a clone.
    open_calls: Arc<()>,
}

/// How often an action was called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// Number of requests, including any that a fault stopped before the work.
    pub requests: u64,
    /// Number of batch entries; 1 for each request of an action on one message; for ReceiveMessage
    /// the number of messages returned.
    pub entries: u64,
}

impl Faults {
    /// Adds rules after the existing ones.
    ///
    /// # Errors
    /// If one of them is invalid, none is added.
    pub fn add(&self, rules: Vec<Rule>) -> Result<(), InvalidRule> {
        let armed = rules.into_iter().map(ArmedRule::new).collect::<Result<Vec<_>, _>>()?;
        self.lock().rules.extend(armed);
        Ok(())
    }

    /// Removes all rules.
    pub fn clear(&self) {
        self.lock().rules.clear();
    }

    /// All rules, in order.
    pub fn rules(&self) -> Vec<RuleStatus> {
        self.lock().rules.iter().map(ArmedRule::status).collect()
    }

    /// Counts by action name; actions that were not called are absent.
    pub fn calls(&self) -> BTreeMap<String, Calls> {
        self.lock().calls.iter().map(|(name, calls)| ((*name).to_owned(), *calls)).collect()
    }

    /// Resets the counts of [`Faults::calls`].
    pub fn clear_calls(&self) {
        self.lock().calls.clear();
    }

    /// Number of calls that are being worked on; a call ends when its client disconnects.
    pub fn open_calls(&self) -> usize {
        Arc::strong_count(&self.lock().open_calls) - 1
    }

    /// Counts a call as open until the result is dropped.
    fn open_call(&self) -> Arc<()> {
        Arc::clone(&self.lock().open_calls)
    }

    fn count_call(&self, action: Action, requests: u64, entries: usize) {
        let mut inner = self.lock();
        let calls = inner.calls.entry(action.name()).or_default();
        calls.requests += requests;
        calls.entries += u64::try_from(entries).unwrap_or_default();
    }

    fn fire(&self, call: &Call, point: Point) -> Option<FiredRule> {
        self.lock().rules.iter_mut().find_map(|rule| rule.fire(call, point))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }
}

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .route("/_faults", web::post().to(add_rules))
        .route("/_faults", web::get().to(show_rules))
        .route("/_faults", web::delete().to(clear_rules))
        .route("/_calls", web::get().to(show_calls))
        .route("/_calls", web::delete().to(clear_calls));
}

async fn add_rules(faults: Data<Faults>, rules: Json<Vec<Rule>>) -> HttpResponse {
    match faults.add(rules.into_inner()) {
        Ok(()) => HttpResponse::Ok().json(faults.rules()),
        Err(invalid) => HttpResponse::BadRequest().body(invalid.to_string()),
    }
}

async fn show_rules(faults: Data<Faults>) -> impl Responder {
    Json(faults.rules())
}

async fn clear_rules(faults: Data<Faults>) -> impl Responder {
    faults.clear();
    HttpResponse::NoContent()
}

async fn show_calls(faults: Data<Faults>) -> impl Responder {
    Json(faults.calls())
}

async fn clear_calls(faults: Data<Faults>) -> impl Responder {
    faults.clear_calls();
    HttpResponse::NoContent()
}
