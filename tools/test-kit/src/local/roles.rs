//! The roles of production in the local database: `manage` and the reader run under them.

use anyhow::Context;

use crate::postgres::{sql, sql_file};

const ROLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/postgres/roles.sql");

/// The worker makes the views as the database's owner, so the default privileges of the migrator do
/// not open them.
const OPEN_LATER_VIEWS: &str = "alter default privileges in schema submissions \
     grant select on tables to form_analyst, form_reader";

/// Makes the roles, and grants them what the migrations have made so far.
pub fn grant(admin: &str) -> anyhow::Result<()> {
    sql_file(admin, ROLES).context("cannot make the roles")?;
    sql(admin, OPEN_LATER_VIEWS).context("cannot open the views to come")?;
    Ok(())
}

/// The database's URL for one of these roles.
pub fn url_as(admin: &str, role: &str) -> anyhow::Result<String> {
    // `postgres://user:password@…`
    let (password, place) = admin
        .split_once("://")
        .and_then(|(_, rest)| rest.split_once('@'))
        .and_then(|(user, place)| Some((user.split_once(':')?.1, place)))
        .context("the address of the database has no password")?;
    // Somebody else may have made the role, without one.
    sql(admin, &format!("alter role {role} password '{password}'"))?;
    Ok(format!("postgres://{role}:{password}@{place}"))
}
