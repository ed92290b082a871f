//! `worker invalid list`: shows the kept messages that wait. It changes nothing.

use std::io::{self, Write};

use anyhow::bail;
use store::{Store, Waiting};
use tokio_util::sync::CancellationToken;

use super::{super::table, call, write_head, write_row};
use crate::{arguments::ListArguments, invalid::terminal::messages, settings::OperatorSettings};

/// Rows that are read together.
const PAGE: i64 = 1_000;

/// Shows the invalid messages of a form type.
///
/// # Errors
/// The form type does not exist, the process was asked to stop, or the database failed.
pub async fn list(
    settings: &OperatorSettings,
    arguments: &ListArguments,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    settings.queue_names(&arguments.form_type)?;
    let store = settings.store()?;
    match print(&store, arguments, stop).await {
        Ok(count) => {
            eprintln!("{} of {} in the database.", messages(count), arguments.form_type);
            Ok(())
        }
        // The reader of our output, such as `head`, has seen enough.
        Err(error) if is_broken_pipe(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

async fn print(
    store: &Store,
    arguments: &ListArguments,
    stop: &CancellationToken,
) -> anyhow::Result<usize> {
    let (mut after, mut count) = (0, 0);
    write_head(&mut io::stdout())?;
    loop {
        let form_type = arguments.form_type.clone();
        let page = call(store, move |store| store.waiting(&form_type, after, PAGE)).await?;
        let Some(last) = page.last() else { return Ok(count) };
        after = last.id;
        for row in page {
            if stop.is_cancelled() {
                bail!("stopped before the end");
            }
            if arguments.show {
                print_with_body(store, &row).await?;
            } else {
                write_row(&mut io::stdout(), &row)?;
            }
            count += 1;
        }
    }
}

/// Reads one body at a time, because each can have a megabyte.
async fn print_with_body(store: &Store, row: &Waiting) -> anyhow::Result<()> {
    let id = row.id;
    // Somebody may have sent it back meanwhile.
    let Some(message) = call(store, move |store| store.read_waiting(id)).await? else {
        return Ok(());
    };
    let mut out = io::stdout().lock();
    write_row(&mut out, row)?;
    writeln!(out, "{}", table::body(&String::from_utf8_lossy(&message.body)))?;
    Ok(())
}
