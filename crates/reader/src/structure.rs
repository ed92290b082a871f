//! `GET /api/v1/table-structure/{schema}/{table}`: the columns of a relation.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Value, json};

use crate::{
    access::Caller, named::Named, page_request::refuse_all, parameters::Parameters, reads::Reads,
    refusal::Refusal,
};

pub async fn structure(
    request: HttpRequest,
    caller: web::ReqData<Arc<Caller>>,
    reads: web::Data<Reads>,
) -> Result<HttpResponse, Refusal> {
    let relation =
        reads.of(&caller.client).find(&caller, &Named::of(&request)?, None).await?.relation;
    refuse_all(&Parameters::of(&request, b"")?)?;
    let columns: Vec<Value> = relation
        .columns
        .iter()
        .map(|column| {
            json!({
                "name": column.name,
                "type": column.consumer_type().to_string(),
                "pg_type": column.pg_type,
                "nullable": column.nullable,
                "description": column.description,
            })
        })
        .collect();
    Ok(HttpResponse::Ok()
        .content_type("application/json")
        .body(format!("{}\n", json!({ "columns": columns }))))
}
