//! `GET` and `POST /api/v1/table-data/{schema}/{table}`: a page of rows, or all rows as a stream.

use std::{collections::HashSet, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    body::{self, BoxBody},
    http::{
        Method, StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    web::{self, Bytes},
};
use parking_lot::RwLock;
use relations::{BadParameter, Orientation, Page, PageOptions};
use serde_json::Value;
use store::{ReadLimits, TextQuery, Unavailable, UnavailableKind};
use tokio::time::Instant;

use crate::{
    access::{Access, Caller},
    budget::{Budget, Share},
    etag, metrics,
    named::Named,
    page_request::{PageRequest, no_time_zone},
    parameters::Parameters,
    reads::{Reads, again},
    refusal::Refusal,
    settings::PageSettings,
    stream::{Context, stream},
    stream_request::{Kind, StreamRequest},
    waiting::Waiting,
};

const JSON: &str = "application/json";

/// What pages are made with.
pub struct Pages {
    pub settings: PageSettings,
    pub budget: Budget,
    pub waiting: Waiting,
    /// Time zones that PostgreSQL knows, among those that clients have named, in small letters.
    time_zones: RwLock<HashSet<String>>,
}

impl Pages {
    pub fn new(settings: PageSettings, waiting: Waiting) -> Self {
        let budget = Budget::new(&settings);
        Self { settings, budget, waiting, time_zones: RwLock::default() }
    }
}

pub async fn data(
    request: HttpRequest,
    caller: web::ReqData<Arc<Caller>>,
    body: Bytes,
    pages: web::Data<Pages>,
    access: web::Data<Access>,
    context: web::Data<Context>,
) -> Result<HttpResponse, Refusal> {
    let (reads, notes) = (&context.reads.of(&caller.client), &context.notes);
    let named = Named::of(&request)?;
    let parameters = Parameters::of(&request, &body);
    // A client that may not read this learns nothing of its mistakes.
    let version = parameters.as_ref().map_or(Ok(None), |parameters| version(parameters, &named));
    let is_bad = version.is_err();
    let found = reads.find(&caller, &named, version.as_ref().copied().unwrap_or_default()).await?;
    let parameters = parameters?;
    if is_bad {
        version?;
    }
    if let Some(kind) = Kind::of(&parameters, &request)? {
        let wanted = StreamRequest::read(&parameters, found.relation.clone(), kind)?;
        return stream(&context, reads.clone(), &pages, &request, &caller, found, wanted, kind)
            .await;
    }
    let name = found.relation.name.clone();
    let version = found.relation.version;
    let mut wanted = PageRequest::read(&parameters, found.relation)?;
    let filtered = wanted.selection.filters.columns();
    let filtered: Vec<String> = filtered.into_iter().map(str::to_owned).collect();
    if let Some(form_types) = &found.form_types {
        wanted.selection.only_form_types(form_types)?;
    }
    pages.check_time_zone(reads, &wanted.selection.time_zone).await?;
    if request.method() == Method::HEAD {
        return Ok(without_body(StatusCode::OK, header::CONTENT_TYPE, JSON));
    }
    let origin = access.origins.of(&request).text;
    let mut tag = None;
    // Whoever waits wants to know of a new row, and not that there is none.
    if request.method() == Method::GET && wanted.wait.is_zero() {
        let made = etag::etag(reads, &caller, &wanted.selection, &parameters, &origin).await?;
        if etag::has(&request, &made) {
            return Ok(without_body(StatusCode::NOT_MODIFIED, header::ETAG, &made));
        }
        tag = Some(made);
    }
    let orientation = wanted.orientation;
    let headers: Vec<Value> =
        wanted.selection.columns.iter().map(|column| column.name.clone().into()).collect();
    let page = pages.read(reads, wanted, &caller).await;
    let (page, share) = match page {
        // Its table may have been removed since it was looked up.
        Err(Refusal::Database(_)) if version.is_some() => {
            reads.find(&caller, &named, version).await?;
            page?
        }
        page => page?,
    };
    metrics::count_rows(page.count);
    notes.page_was_read(&caller.client.id, &name, filtered, &page);
    let next = page.next.map(|next| {
        let query = parameters.next_query(next, version, request.method() == Method::POST);
        format!("{origin}/api/v1/table-data/{}?{query}", named.path())
    });
    let mut answer = HttpResponse::Ok();
    if let Some(next) = &next {
        answer.insert_header((header::LINK, format!("<{next}>; rel=\"next\"")));
    }
    if let Some(tag) = tag {
        answer.insert_header((header::ETAG, tag));
    }
    let mut answer = answer.content_type(JSON).body(in_json(page, orientation, headers, next));
    if let Some(share) = share {
        answer.extensions_mut().insert(share);
    }
    Ok(answer)
}

/// The version of a dataset that the client wants.
fn version(parameters: &Parameters, named: &Named) -> Result<Option<i32>, BadParameter> {
    let version = parameters.number("version", 1..=i32::MAX.into())?;
    if version.is_some() && named.relation().form_type().is_some() {
        return Err(BadParameter::new("version", "only datasets have versions"));
    }
    Ok(version.and_then(|version| i32::try_from(version).ok()))
}

fn without_body(status: StatusCode, name: HeaderName, value: &str) -> HttpResponse {
    let mut answer = HttpResponse::with_body(status, BoxBody::new(body::None::new()));
    if let Ok(value) = HeaderValue::from_str(value) {
        answer.headers_mut().insert(name, value);
    }
    answer
}

impl Pages {
    /// Reads the page, and waits for a row if the client wants that and there is none.
    async fn read(
        &self,
        reads: &Reads,
        wanted: PageRequest,
        caller: &Caller,
    ) -> Result<(Page, Option<Share>), Refusal> {
        let until = Instant::now() + wanted.wait;
        // From now on no new row is missed.
        let mut waiter = match wanted.wait.is_zero() {
            true => None,
            false => Some(self.waiting.join(&caller.client.id)?),
        };
        let mut options = PageOptions {
            orientation: wanted.orientation,
            after: wanted.after,
            limit: wanted.limit,
            bytes: self.settings.bytes,
            scan_rows: self.settings.scan_rows,
            numbers_as_text: wanted.numbers_as_text,
            statement: reads.statement,
        };
        let selection = Arc::new(wanted.selection);
        loop {
            let mut share = self.budget.take(&caller.client.id).await?;
            let page = {
                let selection = Arc::clone(&selection);
                reads.run(move |store| again(|| selection.page(store, &options))).await?
            };
            share.shrink_to(page.rows.capacity());
            let is_over = page.count > 0 || page.next.is_some();
            match &mut waiter {
                Some(waiter) if !is_over => {
                    // Nobody who waits keeps others from reading.
                    drop(share);
                    // What was looked at is not looked at again.
                    options.after = Some(page.last);
                    if !waiter.new_row(until).await {
                        return Ok((page, None));
                    }
                }
                _ => return Ok((page, Some(share))),
            }
        }
    }

    /// Refuses a time zone that PostgreSQL does not know.
    ///
    /// # Errors
    /// It does not, or it cannot answer.
    pub async fn check_time_zone(&self, reads: &Reads, name: &str) -> Result<(), Refusal> {
        // PostgreSQL takes any case of letters, and nobody may fill the memory with all of them.
        let known = name.to_ascii_lowercase();
        if known == "utc" || self.time_zones.read().contains(&known) {
            return Ok(());
        }
        let query = TextQuery {
            sql: "SELECT 'known'".to_owned(),
            time_zone: name.to_owned(),
            ..TextQuery::default()
        };
        let limits = ReadLimits { bytes: 1 << 10, statement: reads.statement };
        let asked = reads.run(move |store| {
            Ok::<_, Unavailable>(match store.read_rows(&query, limits, |_| true) {
                Ok(_) => true,
                Err(Unavailable { kind: UnavailableKind::StatementFailed, .. }) => false,
                Err(unavailable) => return Err(unavailable),
            })
        });
        if !asked.await? {
            return Err(no_time_zone().into());
        }
        self.time_zones.write().insert(known);
        Ok(())
    }
}

/// The body of a page.
fn in_json(
    page: Page,
    orientation: Orientation,
    headers: Vec<Value>,
    next: Option<String>,
) -> Vec<u8> {
    let (next, last) = (Value::from(next), page.last);
    let begin = match orientation {
        Orientation::Tabular => {
            let headers = Value::from(headers);
            format!("{{\"headers\":{headers},\"last_id\":{last},\"next\":{next},\"values\":[")
        }
        Orientation::Records => format!("{{\"last_id\":{last},\"next\":{next},\"results\":["),
    };
    let mut body = page.rows;
    body.splice(0..0, begin.into_bytes());
    body.extend_from_slice(b"]}\n");
    body
}
