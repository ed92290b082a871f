//! A whole relation as CSV, JSON Lines, Parquet or XLSX.
//!
//! A task reads part after part and gives each to the body of the answer. Between two parts it has
//! no connection, so a client that reads slowly holds neither a connection nor a snapshot.

mod body;
mod sending;
mod target;

use std::time::SystemTime;

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    body::{self as bodies, BoxBody},
    http::{Method, StatusCode, Version, header},
};
use chrono::{DateTime, Utc};
use relations::{Export, ExportOptions, RelationName, Selection};
use store::{ExportColumn, NewExport};
use tabular::{CsvOptions, Format, Formulas};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use self::{
    body::Parts,
    sending::Sending,
    target::{Gzip, Target},
};
use crate::{
    access::Caller,
    data::Pages,
    notes::Notes,
    parameters::encode,
    reads::{Found, Primary, Reads},
    refusal::Refusal,
    stream_request::{Kind, StreamRequest, accepts_gzip},
    streams::{Place, Streams},
};

/// The most bytes of the cells of one part. Three parts of each stream may be in memory: one that is
/// being sent, one that waits for that, and one that is being read.
const PART_BYTES: usize = 1 << 20;

const EXPORT_ID: &str = "Export-Id";
const FORMULA_GUARD: &str = "Formula-Guard";

/// What streams are made with.
#[derive(Clone)]
pub struct Context {
    pub streams: Streams,
    pub primary: Primary,
    pub reads: Reads,
    pub notes: Notes,
}

/// Answers with the stream.
///
/// # Errors
/// A parameter cannot be used, too many streams are being sent, or a database cannot answer.
pub async fn stream(
    context: &Context,
    reads: Reads,
    pages: &Pages,
    request: &HttpRequest,
    caller: &Caller,
    found: Found,
    wanted: StreamRequest,
    kind: Kind,
) -> Result<HttpResponse, Refusal> {
    if request.version() < Version::HTTP_11 {
        return Err(Refusal::HttpVersion);
    }
    let StreamRequest { mut selection, format, after, limit } = wanted;
    let filters: Vec<(String, String)> = selection
        .filters
        .iter()
        .map(|filter| (filter.column().to_owned(), filter.operator()))
        .collect();
    if let Some(form_types) = &found.form_types {
        selection.only_form_types(form_types)?;
    }
    pages.check_time_zone(&reads, &selection.time_zone).await?;
    let name = found.relation.name.clone();
    // The other formats are compressed.
    let gzip = accepts_gzip(request) && matches!(kind, Kind::Csv | Kind::JsonLines);
    let mut answer = head(&name, format, gzip);
    if request.method() == Method::HEAD {
        let nothing = BoxBody::new(bodies::None::new());
        return Ok(answer.finish().set_body(nothing));
    }
    let place = context.streams.enter(&caller.client.id)?;
    let options = ExportOptions {
        format,
        after,
        limit,
        part_bytes: PART_BYTES,
        scan_rows: pages.settings.scan_rows,
        statement: reads.statement,
    };
    let columns = columns(&selection);
    let export = reads.run(move |store| Export::start(store, selection, options)).await?;
    let id = Uuid::now_v7();
    let record = NewExport {
        id,
        client_id: caller.client.id.clone(),
        relation: name.to_string(),
        format: kind.name(),
        bound: Some(export.proof().bound),
        filters: filters.clone(),
        columns,
    };
    context.primary.0.run(move |store| store.begin_export(&record)).await?;
    context.notes.export_has_begun(&caller.client.id, &name, filters, id);
    answer.insert_header((EXPORT_ID, id.to_string()));
    let context = &Context { reads, ..context.clone() };
    let sending = Outgoing { context, caller, name, id, place, export, gzip };
    if kind == Kind::Xlsx { sending.in_a_file(answer).await } else { Ok(sending.at_once(answer)) }
}

struct Outgoing<'a> {
    context: &'a Context,
    caller: &'a Caller,
    name: RelationName,
    id: Uuid,
    place: Place,
    export: Export,
    gzip: bool,
}

impl Outgoing<'_> {
    fn at_once(self, mut answer: HttpResponseBuilder) -> HttpResponse {
        let gzip = self.gzip.then(Gzip::new);
        let (target, parts) = channel(gzip);
        self.spawn(target, None);
        answer.finish().set_body(BoxBody::new(Parts::new(parts, None)))
    }

    /// Waits until the file is complete, because a cell may not fit.
    async fn in_a_file(self, mut answer: HttpResponseBuilder) -> Result<HttpResponse, Refusal> {
        let (target, parts) = channel(None);
        let (ready, is_ready) = oneshot::channel();
        self.spawn(target, Some(ready));
        let length = is_ready.await.map_err(|_| Refusal::Bug)??;
        Ok(answer.finish().set_body(BoxBody::new(Parts::new(parts, Some(length)))))
    }

    fn spawn(self, target: Target, ready: Option<oneshot::Sender<Result<u64, Refusal>>>) {
        let client = self.caller.client.id.clone();
        let sending =
            Sending::new(self.context.clone(), self.place, client, self.name, self.id, target);
        self.context.streams.spawn(async move {
            match ready {
                None => sending.send_parts(self.export).await,
                Some(ready) => sending.send_file(self.export, ready).await,
            }
        });
    }
}

fn channel(gzip: Option<Gzip>) -> (Target, mpsc::Receiver<body::Part>) {
    let (sender, receiver) = mpsc::channel(1);
    (Target::new(sender, gzip), receiver)
}

/// Everything that is known before a row is read.
fn head(name: &RelationName, format: Format, gzip: bool) -> HttpResponseBuilder {
    let mut answer = HttpResponse::build(StatusCode::OK);
    answer.content_type(format.media_type());
    answer.insert_header((header::CONTENT_DISPOSITION, disposition(name, format)));
    // nginx then sends on what it has.
    answer.insert_header(("X-Accel-Buffering", "no"));
    if gzip {
        answer.insert_header((header::CONTENT_ENCODING, "gzip"));
    }
    if let Format::Csv(CsvOptions { formulas: Formulas::Guarded, .. }) = format {
        answer.insert_header((FORMULA_GUARD, "on"));
    }
    answer
}

/// A file name such as `registration-2026-11-21T1200Z.csv`.
fn disposition(name: &RelationName, format: Format) -> String {
    let base = name.form_type().unwrap_or(&name.schema);
    let time = DateTime::<Utc>::from(SystemTime::now()).format("%Y-%m-%dT%H%MZ");
    let end = format!("-{time}.{}", format.extension());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let plain: String = base.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    let mut value = format!("attachment; filename=\"{plain}{end}\"");
    if plain != base {
        value.push_str(&format!("; filename*=UTF-8''{}{}", encode(base), encode(&end)));
    }
    value
}

fn columns(selection: &Selection) -> Vec<ExportColumn> {
    let zone = |pg_type: &str| {
        pg_type.starts_with("timestamp with time zone").then(|| selection.time_zone.clone())
    };
    let columns = selection.columns.iter().map(|column| ExportColumn {
        name: column.name.clone(),
        column_type: column.pg_type.clone(),
        description: column.description.clone(),
        zone: zone(&column.pg_type),
    });
    columns.collect()
}
