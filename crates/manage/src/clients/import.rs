//! Takes over the clients of the old data store.

use std::{collections::BTreeSet, io};

use anyhow::{Context, ensure};
use credentials::ClientKey;
use csv::{ReaderBuilder, StringRecord};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use store::{NewClient, NewKey, NewScope};

use super::{
    Run,
    keys::{CLIENT_ID, check_credentials, is_client_id},
    refused, stored, texts,
};
use crate::{Misuse, arguments::ImportArguments, output};

const COLUMNS: [&str; 4] = ["id", "key", "scope", "description"];
/// Shorter keys can be guessed.
const MIN_KEY: usize = 16;
const MAX_KEY: usize = 1000;
/// The calls of the old data store that exist here too. A client reads with `--scope` what it read
/// with them.
const WITH_COUNTERPART: [&str; 2] = ["get_table_structure", "get_table_data"];

const NOT_CSV: &str = "standard input is not CSV in UTF-8; nothing was imported";

/// A client of the old data store.
struct OldClient {
    /// The number of its line among the clients, from 1.
    row: usize,
    id: String,
    key: SecretString,
    key_length: usize,
    is_visible_ascii: bool,
    scopes: Vec<String>,
    description: String,
}

pub(super) fn import(run: &Run<'_>, arguments: &ImportArguments) -> anyhow::Result<bool> {
    let ImportArguments { scopes, allow_forms, dry_run } = arguments;
    let by = run.actor()?;
    ensure!(
        *allow_forms || !scopes.iter().any(relations::Scope::reaches_submissions),
        Misuse("a scope that reaches submissions needs --allow-forms")
    );
    let old = read(io::stdin().lock())?;
    let clients = run.clients()?;
    check_credentials(run, &clients)?;
    let mut taken: BTreeSet<String> = clients.into_iter().map(|client| client.id).collect();

    let scopes = stored(scopes);
    let scope_texts = texts(&scopes);
    let mut objects = Vec::new();
    let mut all_imported = true;
    let mut failure = None;
    for client in &old {
        let dropped: Vec<&str> = without_counterpart(client).collect();
        let outcome = match refusal(client, &taken) {
            None => import_one(run, client, &scopes, by, *dry_run),
            reason => Ok(reason),
        };
        let reason = match outcome {
            Ok(reason) => reason,
            Err(error) => {
                let row = client.row;
                failure = Some(error.context(format!(
                    "row {row} may be imported or not, and no later one is; see `manage clients list`"
                )));
                break;
            }
        };
        let name = client.shown_id();
        match reason {
            Some(reason) => {
                all_imported = false;
                output::message(&format!("row {}: {name} was not imported: {reason}", client.row));
            }
            None => {
                taken.insert(client.id.clone());
                if !dropped.is_empty() {
                    output::message(&format!(
                        "row {}: {name} had scopes without a counterpart: {}",
                        client.row,
                        dropped.join(", ")
                    ));
                }
            }
        }
        objects.push(json!({
            "row": client.row,
            "id": name,
            "imported": reason.is_none(),
            "reason": reason,
            "scopes": if reason.is_none() { scope_texts.clone() } else { Vec::new() },
            "without_counterpart": dropped,
            "dry_run": dry_run,
        }));
    }
    show(run, &objects, *dry_run)?;
    failure.map_or(Ok(all_imported), Err)
}

fn show(run: &Run<'_>, objects: &[Value], dry_run: bool) -> anyhow::Result<()> {
    if run.shared.json {
        return output::results(&output::json_lines(objects));
    }
    let note = if dry_run { "would be imported" } else { "imported, rotate" };
    let imported = |object: &&Value| object.get("imported") == Some(&Value::Bool(true));
    let rows: Vec<[String; 2]> = objects
        .iter()
        .filter(imported)
        .filter_map(|object| Some([object.get("id")?.as_str()?.to_owned(), note.to_owned()]))
        .collect();
    output::results(&output::table(["id", "note"], &rows))
}

/// Why it is not imported, if it is not.
fn import_one(
    run: &Run<'_>,
    client: &OldClient,
    scopes: &[NewScope],
    by: &str,
    dry_run: bool,
) -> anyhow::Result<Option<&'static str>> {
    if dry_run {
        return Ok(None);
    }
    let key_id = ClientKey::id_for_imported()?;
    let ciphertext = run.credentials()?.seal(&client.id, &key_id, &client.key)?;
    let key = NewKey { id: &key_id, ciphertext: &ciphertext, imported: true };
    let new = NewClient { id: &client.id, description: &client.description, key, scopes };
    let is_added = run.store.add_client(&new, by).map_err(refused)?;
    Ok((!is_added).then_some("there is a client with this id already"))
}

fn refusal(client: &OldClient, taken: &BTreeSet<String>) -> Option<&'static str> {
    if !is_client_id(&client.id) {
        Some(CLIENT_ID)
    } else if taken.contains(&client.id) {
        Some("there is a client with this id already")
    } else if client.is_swapped() {
        Some("its id looks like a key, and its key like an id")
    } else if client.key_length < MIN_KEY {
        Some("its key has fewer than 16 characters")
    } else if client.key_length > MAX_KEY || !client.is_visible_ascii {
        Some("its key has more than 1,000 characters, or others than visible ASCII")
    } else if client.description.chars().count() > 1000 || client.description.contains('\0') {
        Some("its description has more than 1,000 characters, or NUL")
    } else {
        None
    }
}

impl OldClient {
    /// Whether the id is really the key.
    fn is_swapped(&self) -> bool {
        let key_may_be_id = self.key_length < MIN_KEY || is_words(self.key.expose_secret());
        self.id.len() >= MIN_KEY && !is_words(&self.id) && key_may_be_id
    }

    fn shown_id(&self) -> &str {
        if self.is_swapped() || !is_client_id(&self.id) {
            "(an id that is not shown)"
        } else {
            &self.id
        }
    }
}

/// Whether this is how people name a client, such as `data-flow-pipeline`.
fn is_words(text: &str) -> bool {
    let is_separator = |byte: u8| matches!(byte, b'-' | b'_' | b'.');
    text.bytes().any(is_separator)
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || is_separator(byte))
}

fn without_counterpart(client: &OldClient) -> impl Iterator<Item = &str> {
    client.scopes.iter().map(String::as_str).filter(|scope| !WITH_COUNTERPART.contains(scope))
}

/// Reads the file, with or without the names of its columns.
fn read(mut file: impl io::Read) -> anyhow::Result<Vec<OldClient>> {
    let mut text = String::new();
    // The errors of the libraries could quote a line, with its key.
    file.read_to_string(&mut text).ok().context(NOT_CSV)?;
    // The rest of the file, with its keys, would become a description.
    ensure!(
        text.matches('"').count().is_multiple_of(2),
        "a quotation mark on standard input has no counterpart; nothing was imported"
    );
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let mut clients = Vec::new();
    // Where the columns are, and how many there are.
    let mut order: Option<([usize; 4], usize)> = None;
    for record in reader.records() {
        let record = record.ok().context(NOT_CSV)?;
        let is_first = order.is_none();
        let places = header(&record);
        let (order, width) = *order
            .get_or_insert((places.unwrap_or([0, 1, 2, 3]), places.map_or(4, |_| record.len())));
        if is_first && places.is_some() {
            continue;
        }
        let row = clients.len() + 1;
        ensure!(
            record.len() == width,
            "row {row} of standard input has {} columns instead of {width}; it needs {}; nothing was imported",
            record.len(),
            COLUMNS.join(", ")
        );
        let [id, key, scope, description] =
            order.map(|place| record.get(place).unwrap_or_default());
        clients.push(OldClient {
            row,
            id: id.to_owned(),
            key: SecretString::from(key),
            key_length: key.chars().count(),
            is_visible_ascii: key.bytes().all(|byte| matches!(byte, b' '..=b'~')),
            scopes: scopes(scope),
            description: description.to_owned(),
        });
    }
    ensure!(!clients.is_empty(), "standard input has no clients; nothing was imported");
    Ok(clients)
}

/// Where the columns are, if this is the line of their names.
fn header(record: &StringRecord) -> Option<[usize; 4]> {
    let place = |name: &str| record.iter().position(|cell| cell.trim() == name);
    let [id, key, scope, description] = COLUMNS.map(place);
    Some([id?, key?, scope?, description?])
}

/// PostgreSQL writes a list as `{a,"b c"}`.
fn scopes(text: &str) -> Vec<String> {
    let list = text.trim().trim_start_matches('{').trim_end_matches('}');
    list.split(',')
        .map(|scope| scope.trim().trim_matches('"').to_owned())
        .filter(|scope| !scope.is_empty() && scope != "NULL")
        .collect()
}
