//! `GET /api/v1/exports/{id}`: the proof of an export, for the client that has asked for it.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use store::ExportRecord;
use uuid::Uuid;

use crate::{
    access::Caller, page_request::refuse_all, parameters::Parameters, reads::Primary,
    refusal::Refusal,
};

pub async fn export(
    request: HttpRequest,
    caller: web::ReqData<Arc<Caller>>,
    primary: web::Data<Primary>,
) -> Result<HttpResponse, Refusal> {
    refuse_all(&Parameters::of(&request, b"")?)?;
    let id = request.match_info().get("id").and_then(|id| Uuid::try_parse(id).ok());
    let id = id.ok_or(Refusal::NotFound)?;
    let client = caller.client.id.clone();
    let found =
        primary.0.of(&caller.client).run(move |store| store.show_export(id, &client)).await?;
    let body = in_json(id, &found.ok_or(Refusal::NotFound)?);
    Ok(HttpResponse::Ok().content_type("application/json").body(format!("{body}\n")))
}

fn in_json(id: Uuid, export: &ExportRecord) -> Value {
    let sent = &export.sent;
    let sha256 = sent
        .sha256
        .map(|digest| digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    json!({
        "id": id.to_string(),
        "relation": export.relation,
        "format": export.format,
        "state": export.state.code(),
        "rows": sent.rows,
        "bytes": sent.bytes,
        "sha256": sha256,
        "first_id": sent.first_id,
        "last_id": sent.last_id,
        "bound": export.bound,
        // The database made this JSON.
        "filters": serde_json::from_str::<Value>(&export.filters).unwrap_or_default(),
        "columns": serde_json::from_str::<Value>(&export.columns).unwrap_or_default(),
        "guarded_cells": sent.guarded_cells,
        "started_at": time(export.started_at),
        "ended_at": export.ended_at.map(time),
    })
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
