//! The commands for operators on the running local system.

use std::{convert::Infallible, ffi::OsString, os::unix::process::CommandExt, process::Command};

use anyhow::Context;

use super::setup::Setup;
use crate::{
    postgres::{sql, sql_file},
    program::path_of,
};

const ROLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/postgres/roles.sql");
const ROLE: &str = "form_manager";

/// Turns this process into `manage`, with the rights that it has in production.
///
/// # Errors
/// It returns only if that fails.
pub fn become_manage(setup: &Setup, arguments: &[OsString]) -> anyhow::Result<Infallible> {
    let admin = setup.running_system()?.database_url;
    // `postgres://user:password@…`
    let (password, place) = admin
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('@'))
        .and_then(|(user, place)| Some((user.split_once(':')?.1, place)))
        .context("the address of the database has no password")?;
    if sql(&admin, &has_rights())? != "t" {
        sql_file(&admin, ROLES).context("cannot make the roles")?;
    }
    // Somebody else may have made the role, without one.
    sql(&admin, &format!("alter role {ROLE} password '{password}'"))?;
    let mut command = Command::new(path_of("manage"));
    command.args(arguments).env_clear().envs(setup.passed_on()).envs([
        ("DATABASE_URL", format!("postgres://{ROLE}:{password}@{place}")),
        ("CREDENTIALS_KEY", setup.credentials_key()?),
        ("MANAGE_ACTOR", setup.actor().to_owned()),
    ]);
    Err(command.exec()).context("cannot run manage")
}

/// False before the first command, and after a migration has made more.
fn has_rights() -> String {
    format!(
        "select exists (select from pg_roles where rolname = '{ROLE}'
             and has_table_privilege(oid, to_regclass('public.client_changes'), 'insert'))"
    )
}
