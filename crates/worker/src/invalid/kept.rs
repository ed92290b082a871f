//! Invalid messages in the database.

mod list;
mod redrive;

use std::io::{self, Write};

use anyhow::Context;
use store::{Store, Unavailable, Waiting};
use tokio::task::spawn_blocking;

pub use self::{list::list, redrive::redrive};
use super::table;

/// Calls the store, which blocks.
async fn call<T: Send + 'static>(
    store: &Store,
    call: impl FnOnce(&Store) -> Result<T, Unavailable> + Send + 'static,
) -> anyhow::Result<T> {
    let store = store.clone();
    spawn_blocking(move || call(&store)).await?.context("the table invalid_messages")
}

fn write_head(out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{:<36}  {:>6}  {:>8}  {:>6}  {:>6}  reason",
        "id", "age", "bytes", "seen", "sent"
    )
}

fn write_row(out: &mut impl Write, row: &Waiting) -> io::Result<()> {
    let Waiting { identity, age_seconds, bytes, times_seen, times_sent, reason, .. } = row;
    // The clock of PostgreSQL may have been set back.
    let age = table::age(std::time::Duration::try_from_secs_f64(*age_seconds).unwrap_or_default());
    let reason = table::printable(reason);
    writeln!(
        out,
        "{identity:<36}  {age:>6}  {bytes:>8}  {times_seen:>6}  {times_sent:>6}  {reason}"
    )
}
