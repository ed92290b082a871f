//! Faults on demand, for the tests of clients: late, lost, wrong and doubled answers. Behind the feature `faults`.
//!
//! - `POST /_faults` with a JSON array of [`Rule`]s adds them, `GET /_faults` shows them with how often each has fired,
//!   `DELETE /_faults` removes them.
//! - `GET /_calls` gives how often each action was called, and for how many messages; `DELETE /_calls` starts anew.
//!
//! For one request at most one rule applies at each of these points, the first that matches and fires: a delay before
//! the work; one of `error`, `reset`, `hang` and `partial` instead of (part of) the work; a delay after the work; one
//! of `lost_reply` and `duplicate` instead of the answer. The last two wait for a receive that has messages: an empty
//! answer is no loss.

mod layer;
mod rules;

use std::collections::BTreeMap;
use std::sync::Arc;

use actix_web::web::{self, Data, Json, ServiceConfig};
use actix_web::{HttpResponse, Responder};
use parking_lot::{Mutex, MutexGuard};
use serde::Serialize;

use crate::action::Action;
pub(crate) use layer::{call, keep_connection};
use rules::{Armed, Call, Fired, Point};
pub use rules::{InvalidRule, Kind, Rule};

/// The rules and counts of one server. Clones are the same.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    rules: Vec<Armed>,
    calls: BTreeMap<&'static str, Calls>,
}

/// A rule and its count.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// As it was given.
    pub rule: Rule,
    /// Requests that it has applied to.
    pub fired: u64,
}

/// How often an action was called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Calls {
    /// Requests, with those that a fault kept from being worked on.
    pub requests: u64,
    /// Entries of batches; 1 for each request of an action on one message; for ReceiveMessage the messages given.
    pub entries: u64,
}

impl Faults {
    /// Adds rules behind those that are there.
    ///
    /// # Errors
    /// Where one of them makes no sense; then none is added.
    pub fn add(&self, rules: Vec<Rule>) -> Result<(), InvalidRule> {
        let armed = rules.into_iter().map(Armed::new).collect::<Result<Vec<_>, _>>()?;
        self.lock().rules.extend(armed);
        Ok(())
    }

    /// Removes all rules.
    pub fn clear(&self) {
        self.lock().rules.clear();
    }

    /// All rules, in their order.
    pub fn rules(&self) -> Vec<Shown> {
        self.lock().rules.iter().map(Armed::shown).collect()
    }

    /// What was called, by the name of the action; actions that were not called are absent.
    pub fn calls(&self) -> BTreeMap<String, Calls> {
        self.lock().calls.iter().map(|(name, calls)| ((*name).to_owned(), *calls)).collect()
    }

    /// Starts the counts of [`Faults::calls`] anew.
    pub fn clear_calls(&self) {
        self.lock().calls.clear();
    }

    fn count(&self, action: Action, requests: u64, entries: usize) {
        let mut inner = self.lock();
        let calls = inner.calls.entry(action.name()).or_default();
        calls.requests += requests;
        calls.entries += u64::try_from(entries).unwrap_or_default();
    }

    fn fire(&self, call: &Call, point: Point) -> Option<Fired> {
        self.lock().rules.iter_mut().find_map(|rule| rule.fire(call, point))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock()
    }
}

pub(crate) fn routes(config: &mut ServiceConfig) {
    config
        .route("/_faults", web::post().to(add))
        .route("/_faults", web::get().to(show))
        .route("/_faults", web::delete().to(clear))
        .route("/_calls", web::get().to(show_calls))
        .route("/_calls", web::delete().to(clear_calls));
}

async fn add(faults: Data<Faults>, rules: Json<Vec<Rule>>) -> HttpResponse {
    match faults.add(rules.into_inner()) {
        Ok(()) => HttpResponse::Ok().json(faults.rules()),
        Err(invalid) => HttpResponse::BadRequest().body(invalid.to_string()),
    }
}

async fn show(faults: Data<Faults>) -> impl Responder {
    Json(faults.rules())
}

async fn clear(faults: Data<Faults>) -> impl Responder {
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
