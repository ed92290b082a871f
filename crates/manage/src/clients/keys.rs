//! Makes keys, and encrypts them again.

use anyhow::{Context, bail, ensure};
use credentials::ClientKey;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::{NewClient, NewKey, RotatedKey, StoredClient, StoredKey};

use super::{Run, refused, stored, texts, unknown};
use crate::{
    Misuse,
    arguments::{AddArguments, RotateArguments},
    output,
};

pub(super) const CLIENT_ID: &str =
    "an id has 1 to 100 visible ASCII characters, without quotation marks, colons and backslashes";

/// Whether an id can stand in the headers of a request.
pub(super) fn is_client_id(id: &str) -> bool {
    (1..=100).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b':' | b'\\'))
}

pub(super) fn add(run: &Run<'_>, arguments: &AddArguments) -> anyhow::Result<bool> {
    let AddArguments { id, scopes, description, dry_run } = arguments;
    let by = run.actor()?;
    ensure!(is_client_id(id), Misuse(CLIENT_ID));
    ensure!(
        description.chars().count() <= 1000,
        Misuse("a description has at most 1,000 characters")
    );
    let clients = run.clients()?;
    ensure!(clients.iter().all(|client| client.id != *id), "there is a client {id} already");
    check_credentials(run, &clients)?;

    let key = ClientKey::generate()?;
    let scopes = stored(scopes);
    if !dry_run {
        let ciphertext = run.credentials()?.seal(id, key.id(), key.text())?;
        let new_key = NewKey { id: key.id(), ciphertext: &ciphertext, imported: false };
        let client = NewClient { id, description, key: new_key, scopes: &scopes };
        ensure!(
            run.store
                .add_client(&client, by)
                .map_err(refused)
                .with_context(|| unclear(id, &key))?,
            "there is a client {id} already"
        );
    }
    show_key(run, id, (!dry_run).then_some(&key), ("scopes", texts(&scopes)))
}

pub(super) fn rotate(run: &Run<'_>, arguments: &RotateArguments) -> anyhow::Result<bool> {
    let RotateArguments { id, dry_run } = arguments;
    let by = run.actor()?;
    let clients = run.clients()?;
    let client = clients.iter().find(|client| client.id == *id).ok_or_else(|| unknown(id))?;
    ensure!(
        client.disabled_at.is_none(),
        "the client {id} is disabled: a new key would not work either"
    );
    check_credentials(run, &clients)?;
    let old: Vec<String> = live(client).map(|key| key.id.clone()).collect();

    let key = ClientKey::generate()?;
    let rotated = if *dry_run {
        if old.len() < 2 { RotatedKey::Added } else { RotatedKey::TooMany }
    } else {
        let ciphertext = run.credentials()?.seal(id, key.id(), key.text())?;
        let new_key = NewKey { id: key.id(), ciphertext: &ciphertext, imported: false };
        run.store.add_key(id, new_key, by).map_err(refused).with_context(|| unclear(id, &key))?
    };
    match rotated {
        RotatedKey::Added => {}
        RotatedKey::UnknownClient => return Err(unknown(id)),
        RotatedKey::TooMany => bail!(
            "the client {id} has two live keys: end one with `manage clients end-key {id} KEY`, where KEY is one of {}",
            old.join(", ")
        ),
    }
    for key in &old {
        output::message(&format!(
            "The key {key} goes on working. When the client uses the new one: manage clients end-key {id} {key}"
        ));
    }
    show_key(run, id, (!dry_run).then_some(&key), ("other_keys", old))
}

/// The connection may have broken after the commit.
fn unclear(id: &str, key: &ClientKey) -> String {
    format!(
        "whether the key {} of {id} was added is not known; if `manage clients list` shows it, end it with `manage \
         clients end-key {id} {0}`",
        key.id()
    )
}

/// Shows the key, the only time.
fn show_key(
    run: &Run<'_>,
    id: &str,
    key: Option<&ClientKey>,
    (name, list): (&str, Vec<String>),
) -> anyhow::Result<bool> {
    let text = key.map(|key| key.text().expose_secret());
    let object = json!({ "id": id, "key": text, name: list, "key_id": key.map(ClientKey::id) });
    let shown = match text {
        Some(text) => {
            output::message("The key is shown only now. Keep it where the client keeps secrets.");
            text.to_owned()
        }
        None => "(nothing was changed)".to_owned(),
    };
    let label = name.replace('_', " ");
    run.show(&object, &[("id", id.to_owned()), ("key", shown), (&label, list.join(", "))])
        .with_context(|| match key {
            Some(key) => format!(
                "nobody has seen the new key {}: end it with `manage clients end-key {id} {0}`, then run `manage clients rotate {id}`",
                key.id()
            ),
            None => "nothing was changed".to_owned(),
        })?;
    Ok(true)
}

pub(super) fn reencrypt(run: &Run<'_>, dry_run: bool) -> anyhow::Result<bool> {
    let by = run.actor()?;
    let credentials = run.credentials()?;
    let (mut keys, mut reencrypted, mut changed) = (0, 0, 0);
    let mut unreadable: Vec<Value> = Vec::new();
    for client in &run.clients()? {
        for key in live(client) {
            keys += 1;
            let Some(opened) = credentials.open(&client.id, &key.id, &key.ciphertext) else {
                output::message(&format!(
                    "The key {} of {} opens with neither CREDENTIALS_KEY nor CREDENTIALS_KEY_PREVIOUS.",
                    key.id, client.id
                ));
                unreadable.push(json!({ "id": client.id, "key_id": key.id }));
                continue;
            };
            if !opened.with_previous {
                continue;
            }
            let new = credentials.seal(&client.id, &key.id, &opened.text)?;
            if dry_run
                || run.store.reencrypt_key(&key.id, &key.ciphertext, &new, by).map_err(refused)?
            {
                reencrypted += 1;
            } else {
                changed += 1;
                output::message(&format!(
                    "The key {} has changed meanwhile: run this again.",
                    key.id
                ));
            }
        }
    }
    run.show(
        &json!({ "keys": keys, "reencrypted": reencrypted, "unreadable": unreadable, "changed": changed, "dry_run": dry_run }),
        &[
            ("live keys", keys.to_string()),
            ("encrypted again", reencrypted.to_string()),
            ("unreadable", unreadable.len().to_string()),
        ],
    )?;
    Ok(unreadable.is_empty() && changed == 0)
}

/// With another `CREDENTIALS_KEY` than the services have, a new key would open for nobody.
pub(super) fn check_credentials(run: &Run<'_>, clients: &[StoredClient]) -> anyhow::Result<()> {
    let credentials = run.credentials()?;
    let mut keys = clients.iter().flat_map(|client| live(client).map(move |key| (client, key)));
    let opens = |(client, key): (&StoredClient, &StoredKey)| {
        credentials.open(&client.id, &key.id, &key.ciphertext).is_some()
    };
    ensure!(
        keys.clone().next().is_none() || keys.any(opens),
        "CREDENTIALS_KEY opens none of the live keys: it is not the one of the services"
    );
    Ok(())
}

fn live(client: &StoredClient) -> impl Iterator<Item = &StoredKey> + Clone {
    client.keys.iter().filter(|key| key.is_live())
}
