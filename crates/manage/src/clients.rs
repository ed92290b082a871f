//! `manage clients`: who may read, and what.

mod import;
mod keys;
mod list;

use std::collections::BTreeSet;

use anyhow::{Context, anyhow, bail};
use credentials::CredentialsKey;
use relations::Scope;
use serde_json::json;
use store::{EndedKey, NewScope, Store, StoredClient, Unavailable, UnavailableKind};

use crate::{
    Misuse,
    arguments::{ClientsCommand, DisableArguments, EndKeyArguments, ScopeArguments, Shared},
    output,
    settings::Settings,
};

/// Runs the command. `false` if something was not done; then a message has said what.
///
/// # Errors
/// Nothing was done, or it is not known what was.
pub fn run(command: &ClientsCommand, shared: &Shared, settings: &Settings) -> anyhow::Result<bool> {
    let context =
        Run { store: Store::new(&settings.store).context("DATABASE_URL")?, shared, settings };
    let result = run_with(&context, command);
    if command.is_dry_run() && result.is_ok() {
        output::message("This was a dry run: nothing was changed.");
    }
    result
}

fn run_with(context: &Run<'_>, command: &ClientsCommand) -> anyhow::Result<bool> {
    match command {
        ClientsCommand::Add(arguments) => keys::add(context, arguments),
        ClientsCommand::List => list::list(context),
        ClientsCommand::Scope(arguments) => scope(context, arguments),
        ClientsCommand::Rotate(arguments) => keys::rotate(context, arguments),
        ClientsCommand::EndKey(arguments) => end_key(context, arguments),
        ClientsCommand::Disable(arguments) => disable(context, arguments),
        ClientsCommand::Import(arguments) => import::import(context, arguments),
        ClientsCommand::Reencrypt(arguments) => keys::reencrypt(context, arguments.dry_run),
    }
}

/// What every command needs.
struct Run<'a> {
    store: Store,
    shared: &'a Shared,
    settings: &'a Settings,
}

impl Run<'_> {
    /// Who makes the change.
    fn actor(&self) -> anyhow::Result<&str> {
        let actor = self.shared.actor.as_deref().or(self.settings.actor.as_deref());
        let actor = actor
            .filter(|name| !name.is_empty())
            .ok_or(Misuse("say who makes the change: with --as, MANAGE_ACTOR or USER"))?;
        if actor.chars().count() > 100 || actor.chars().any(char::is_control) {
            bail!(Misuse("a name after --as has at most 100 characters and no control characters"));
        }
        Ok(actor)
    }

    fn credentials(&self) -> anyhow::Result<&CredentialsKey> {
        self.settings.credentials.as_ref().context("CREDENTIALS_KEY is not set")
    }

    fn clients(&self) -> anyhow::Result<Vec<StoredClient>> {
        self.store.clients().map_err(refused)
    }

    fn client(&self, id: &str) -> anyhow::Result<StoredClient> {
        let client = self.clients()?.into_iter().find(|client| client.id == id);
        client.ok_or_else(|| unknown(id))
    }

    /// Writes an object, or the same as lines for people.
    fn show(&self, object: &serde_json::Value, pairs: &[(&str, String)]) -> anyhow::Result<()> {
        let text = if self.shared.json { format!("{object}\n") } else { output::pairs(pairs) };
        output::results(&text)
    }
}

fn unknown(id: &str) -> anyhow::Error {
    anyhow!("there is no client {id}")
}

/// PostgreSQL's message of a refused statement may quote values.
fn refused(unavailable: Unavailable) -> anyhow::Error {
    match unavailable.kind {
        UnavailableKind::StatementFailed => anyhow!(
            "PostgreSQL refuses the statement: has `worker migrate` run, and has this role the rights of form_manager?"
        ),
        _ => anyhow::Error::new(unavailable).context("the database does not answer"),
    }
}

fn texts(scopes: &[NewScope]) -> Vec<String> {
    scopes.iter().map(ToString::to_string).collect()
}

/// What the scopes of the command line amount to: they add up.
fn stored(scopes: &[Scope]) -> Vec<NewScope> {
    let mut stored: Vec<NewScope> = Vec::new();
    for scope in scopes {
        let columns = scope.columns().map(without_repeats);
        match stored.iter_mut().find(|known| known.pattern == scope.pattern()) {
            Some(known) => match (&mut known.columns, columns) {
                (Some(known), Some(columns)) => {
                    known.extend(columns);
                    *known = without_repeats(known);
                }
                (known, _) => *known = None,
            },
            None => stored.push(NewScope { pattern: scope.pattern(), columns }),
        }
    }
    stored
}

fn without_repeats(names: &[String]) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.iter().filter(|name| seen.insert(*name)).cloned().collect()
}

fn scope(context: &Run<'_>, arguments: &ScopeArguments) -> anyhow::Result<bool> {
    let by = context.actor()?;
    let before = list::scopes(&context.client(&arguments.id)?);
    let scopes = stored(&arguments.scopes);
    let is_known = arguments.dry_run
        || context.store.set_scopes(&arguments.id, &scopes, by).map_err(refused)?;
    if !is_known {
        return Err(unknown(&arguments.id));
    }
    let scopes = texts(&scopes);
    context.show(
        &json!({ "id": arguments.id, "scopes": scopes, "scopes_before": before, "dry_run": arguments.dry_run }),
        &[
            ("id", arguments.id.clone()),
            ("scopes", scopes.join(", ")),
            ("before", before.join(", ")),
        ],
    )?;
    Ok(true)
}

fn end_key(context: &Run<'_>, arguments: &EndKeyArguments) -> anyhow::Result<bool> {
    let by = context.actor()?;
    let EndKeyArguments { id, key_id, dry_run } = arguments;
    let client = context.client(id)?;
    let Some(key) = client.keys.iter().find(|key| key.id == *key_id) else {
        bail!("the client {id} has no key {key_id}");
    };
    let ended = match dry_run {
        true if key.is_live() => EndedKey::Ended,
        true => EndedKey::EndedBefore,
        false => context.store.end_key(id, key_id, by).map_err(refused)?,
    };
    if ended == EndedKey::EndedBefore {
        output::message(&format!("The key {key_id} had ended before."));
    }
    context.show(
        &json!({ "id": id, "key_id": key_id, "ended": true, "dry_run": dry_run }),
        &[("id", id.clone()), ("ended key", key_id.clone())],
    )?;
    Ok(true)
}

fn disable(context: &Run<'_>, arguments: &DisableArguments) -> anyhow::Result<bool> {
    let by = context.actor()?;
    let DisableArguments { id, dry_run } = arguments;
    let client = context.client(id)?;
    let ended = match dry_run {
        true if client.disabled_at.is_none() => EndedKey::Ended,
        true => EndedKey::EndedBefore,
        false => context.store.disable_client(id, by).map_err(refused)?,
    };
    if ended == EndedKey::EndedBefore {
        output::message(&format!("The client {id} was disabled before."));
    }
    context.show(
        &json!({ "id": id, "disabled": true, "dry_run": dry_run }),
        &[("disabled", id.clone())],
    )?;
    Ok(true)
}
