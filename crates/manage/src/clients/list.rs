//! Lists clients.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use store::{StoredClient, StoredKey};

use super::{Run, texts};
use crate::output;

pub(super) fn list(run: &Run<'_>) -> anyhow::Result<bool> {
    let clients = run.clients()?;
    if run.shared.json {
        let objects: Vec<Value> = clients.iter().map(to_json).collect();
        output::results(&output::json_lines(&objects))?;
        return Ok(true);
    }
    let rows: Vec<[String; 7]> = clients.iter().flat_map(rows).collect();
    let head = ["id", "state", "key", "note", "last used", "scopes", "description"];
    output::results(&output::table(head, &rows))?;
    Ok(true)
}

/// The scopes as they are written on the command line.
pub(super) fn scopes(client: &StoredClient) -> Vec<String> {
    texts(&client.scopes)
}

/// A line for each live key, and one for a client without any.
fn rows(client: &StoredClient) -> Vec<[String; 7]> {
    let state = if client.disabled_at.is_some() { "disabled" } else { "enabled" };
    let row = |key: &str, note: &str, used: String| {
        [
            client.id.clone(),
            state.to_owned(),
            key.to_owned(),
            note.to_owned(),
            used,
            scopes(client).join(", "),
            client.description.clone(),
        ]
    };
    let live: Vec<[String; 7]> = client
        .keys
        .iter()
        .filter(|key| key.is_live())
        .map(|key| row(&key.id, note(key), key.last_used_at.map_or("never".to_owned(), time)))
        .collect();
    if live.is_empty() { vec![row("-", "no live key", String::new())] } else { live }
}

fn note(key: &StoredKey) -> &'static str {
    if key.imported { "imported, rotate" } else { "" }
}

fn to_json(client: &StoredClient) -> Value {
    let keys: Vec<Value> = client
        .keys
        .iter()
        .map(|key| {
            json!({
                "id": key.id,
                "live": key.is_live(),
                "imported": key.imported,
                "note": if key.is_live() { note(key) } else { "" },
                "created_at": time(key.created_at),
                "created_by": key.created_by,
                "ended_at": key.ended_at.map(time),
                "last_used_at": key.last_used_at.map(time),
            })
        })
        .collect();
    json!({
        "id": client.id,
        "description": client.description,
        "scopes": scopes(client),
        "keys": keys,
        "created_at": time(client.created_at),
        "created_by": client.created_by,
        "disabled_at": client.disabled_at.map(time),
    })
}

fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
