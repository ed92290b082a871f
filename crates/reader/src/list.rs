//! `GET /api/v1/relations`: the relations that this client may read.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use relations::published;
use serde_json::{Value, json};

use crate::{
    access::{Access, Caller},
    page_request::refuse_all,
    parameters::{Parameters, encode},
    reads::{Reads, again},
    refusal::Refusal,
};

pub async fn list(
    request: HttpRequest,
    caller: web::ReqData<Arc<Caller>>,
    reads: web::Data<Reads>,
    access: web::Data<Access>,
) -> Result<HttpResponse, Refusal> {
    refuse_all(&Parameters::of(&request, b"")?)?;
    let origin = access.origins.of(&request).text;
    let mut names = reads.of(&caller.client).run(|store| again(|| published(store))).await?;
    names.retain(|name| caller.client.scopes.allows(name).is_some());
    let relations: Vec<Value> = names
        .iter()
        .map(|name| {
            let path = format!("{}/{}", encode(&name.schema), encode(&name.table));
            json!({
                "schema": name.schema,
                "table": name.table,
                "structure": format!("{origin}/api/v1/table-structure/{path}"),
                "data": format!("{origin}/api/v1/table-data/{path}"),
            })
        })
        .collect();
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(format!("{}\n", json!({ "relations": relations }))))
}
