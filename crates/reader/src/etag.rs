//! The weak `ETag` of a page: the same as long as the page says the same.

use actix_web::{HttpRequest, http::header};
use relations::{Selection, fingerprint};
use service::status::Build;

use crate::{
    access::Caller,
    parameters::Parameters,
    reads::{Reads, again},
    refusal::Refusal,
};

/// Made from the last visible row, the last erasure, the columns, what the client may read, what it
/// asks for, and the release.
///
/// # Errors
/// The database cannot answer.
pub async fn etag(
    reads: &Reads,
    caller: &Caller,
    selection: &Selection,
    parameters: &Parameters,
    origin: &str,
) -> Result<String, Refusal> {
    let (asked, statement) = (selection.clone(), reads.statement);
    let state = reads.run(move |store| again(|| asked.state(store, statement))).await?;
    let relation = &selection.relation;
    let columns: Vec<&str> = selection.columns.iter().map(|c| c.name.as_str()).collect();
    let mut parts: Vec<String> = vec![
        Build::THIS.version.to_owned(),
        Build::THIS.git_commit.to_owned(),
        origin.to_owned(),
        relation.name.to_string(),
        relation.name.is_alias.to_string(),
        format!("{:?} {:?}", relation.definition, relation.version),
        columns.join("\0"),
        state,
    ];
    parts.extend(caller.client.scopes.iter().map(ToString::to_string));
    for (name, value) in parameters.iter() {
        parts.extend([name.to_owned(), value.to_owned()]);
    }
    let digest = fingerprint(&parts);
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("W/\"{digest}\""))
}

/// Whether the client has a page with this tag.
pub fn has(request: &HttpRequest, tag: &str) -> bool {
    let values = request.headers().get_all(header::IF_NONE_MATCH);
    let opaque = tag.trim_start_matches("W/");
    values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|known| known == "*" || known.trim_start_matches("W/") == opaque)
}
