//! `GET /api/v1/submissions/{submission_id}`: one submission, and
//! `POST /api/v1/submissions/states`: where submissions are.
//!
//! Of a submission whose form type it may not read, a client learns nothing.

use std::{collections::HashMap, sync::Arc};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{self, Bytes},
};
use relations::{Filter, Orientation, PageOptions, RelationName, Selection};
use serde_json::{Value, json};
use store::{SubmissionState, SubmissionWhere};
use uuid::Uuid;

use crate::{
    access::Caller,
    data::Pages,
    named::Named,
    notes::Notes,
    page_request::refuse_all,
    parameters::Parameters,
    reads::{Primary, Reads, again},
    refusal::Refusal,
};

const SCHEMA: &str = "submissions";
const JSON: &str = "application/json";

/// How many submissions one request may ask for.
const MOST_IDS: usize = 1000;

pub async fn submission(
    request: HttpRequest,
    caller: web::ReqData<Arc<Caller>>,
    primary: web::Data<Primary>,
    reads: web::Data<Reads>,
    pages: web::Data<Pages>,
    notes: web::Data<Notes>,
) -> Result<HttpResponse, Refusal> {
    refuse_all(&Parameters::of(&request, b"")?)?;
    let reads = reads.of(&caller.client);
    let id = request.match_info().get("id").and_then(|id| Uuid::try_parse(id).ok());
    let id = id.ok_or(Refusal::NotFound)?;
    let mut states = visible(&caller, &primary, vec![id]).await?;
    let state = states.remove(&id).ok_or(Refusal::NotHere)?;
    match state.at {
        SubmissionWhere::Stored => {}
        SubmissionWhere::Erased => return Err(Refusal::Erased),
        SubmissionWhere::Invalid(_) => return Err(Refusal::NotHere),
    }
    let named = Named::new(SCHEMA, &state.form_type);
    let relation = reads.find(&caller, &named, None).await?.relation;
    let mut selection = Selection::all(relation.clone());
    // It may be one of the columns that do not exist for this client.
    let (table, id_column) = (named.relation(), "submission_id");
    let (bytes, statement) = (pages.settings.bytes, reads.statement);
    let found = reads
        .run(move |store| {
            let whole = again(|| relations::Relation::find(store, &table, None))?;
            let Some(whole) = whole else { return Ok(None) };
            let filter = Filter::parse(&whole, id_column, id_column, &format!("eq.{id}"))?;
            selection.filters.push(filter);
            let options = PageOptions {
                orientation: Orientation::Records,
                after: None,
                limit: 1,
                bytes,
                scan_rows: 1,
                numbers_as_text: false,
                statement,
            };
            again(|| selection.newest(store, &options)).map(Some)
        })
        .await?;
    // A row is readable when the rows before it are, which takes a moment.
    let page = found.filter(|page| page.count > 0).ok_or(Refusal::NotHere)?;
    notes.submission_was_read(&caller.client.id, &relation.name, id);
    let form_type = Value::from(state.form_type);
    let mut body = format!("{{\"form_type\":{form_type},\"submission\":").into_bytes();
    body.extend_from_slice(&page.rows);
    body.extend_from_slice(b"}\n");
    Ok(HttpResponse::Ok().content_type(JSON).body(body))
}

pub async fn states(
    request: HttpRequest,
    caller: web::ReqData<Arc<Caller>>,
    body: Bytes,
    primary: web::Data<Primary>,
) -> Result<HttpResponse, Refusal> {
    refuse_all(&Parameters::in_query(&request)?)?;
    let ids = read_ids(&body)?;
    let states = visible(&caller, &primary, ids.clone()).await?;
    let answers: Vec<Value> = ids
        .iter()
        .map(|id| {
            let (state, form_type, reason) = match states.get(id) {
                None => ("not_here", None, None),
                Some(SubmissionState { form_type, at, .. }) => match at {
                    SubmissionWhere::Stored => ("stored", Some(form_type), None),
                    SubmissionWhere::Erased => ("erased", Some(form_type), None),
                    SubmissionWhere::Invalid(reason) => ("invalid", Some(form_type), Some(reason)),
                },
            };
            json!({
                "submission_id": id.to_string(),
                "state": state,
                "form_type": form_type,
                "reason": reason,
            })
        })
        .collect();
    let body = json!({ "states": answers });
    Ok(HttpResponse::Ok().content_type(JSON).body(format!("{body}\n")))
}

/// Of these submissions, those whose form type the client may read.
async fn visible(
    caller: &Caller,
    primary: &Primary,
    ids: Vec<Uuid>,
) -> Result<HashMap<Uuid, SubmissionState>, Refusal> {
    let states =
        primary.0.of(&caller.client).run(move |store| store.submission_states(&ids)).await?;
    let may_read = |state: &SubmissionState| {
        let relation = RelationName::new(SCHEMA, &state.form_type);
        caller.client.scopes.allows(&relation).is_some()
    };
    Ok(states.into_iter().filter(may_read).map(|state| (state.submission_id, state)).collect())
}

fn read_ids(body: &[u8]) -> Result<Vec<Uuid>, Refusal> {
    let wrong = Refusal::Body(
        "The body must be a JSON object with the member submission_ids: a list of up to 1,000 UUIDs.",
    );
    let Ok(body) = serde_json::from_slice::<Value>(body) else { return Err(wrong) };
    let ids = match body
        .as_object()
        .and_then(|object| Some((object.len(), object.get("submission_ids")?.as_array()?)))
    {
        Some((1, ids)) if ids.len() <= MOST_IDS => ids,
        _ => return Err(wrong),
    };
    let ids: Option<Vec<Uuid>> = ids.iter().map(|id| Uuid::try_parse(id.as_str()?).ok()).collect();
    ids.ok_or(wrong)
}
