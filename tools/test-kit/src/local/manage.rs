//! The commands for operators on the running local system.

use std::{convert::Infallible, ffi::OsString, os::unix::process::CommandExt, process::Command};

use anyhow::Context;

use super::{roles, setup::Setup};
use crate::{postgres::sql, program::path_of};

const ROLE: &str = "form_manager";

/// Turns this process into `manage`, with the rights that it has in production.
///
/// # Errors
/// It returns only if that fails.
pub fn become_manage(setup: &Setup, arguments: &[OsString]) -> anyhow::Result<Infallible> {
    let admin = setup.running_system()?.database_url;
    if sql(&admin, &has_rights())? != "t" {
        roles::grant(&admin)?;
    }
    let mut command = Command::new(path_of("manage"));
    command.args(arguments).env_clear().envs(setup.passed_on()).envs([
        ("DATABASE_URL", roles::url_as(&admin, ROLE)?),
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
