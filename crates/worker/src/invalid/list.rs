//! `worker invalid list` with `WORKER_KEEPS_INVALID=false`: shows the messages on the invalid queue. It changes nothing except their
//! receive counts.

use std::{
    collections::HashMap,
    io::{self, Write},
    time::SystemTime,
};

use anyhow::Context;
use indicatif::ProgressBar;
use queue::Queue;
use tokio_util::sync::CancellationToken;

use super::{
    look::{Row, look},
    sweep::Sweep,
    table,
    terminal::messages,
};
use crate::{arguments::ListArguments, settings::OperatorSettings};

/// Shows the invalid messages of a form type.
///
/// # Errors
/// The form type does not exist, the process was asked to stop, or SQS failed.
pub async fn list(
    settings: &OperatorSettings,
    arguments: &ListArguments,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let finder = settings.finder(&arguments.form_type).await?;
    let name = &finder.names.invalid;
    let queue = finder.invalid_queue().await.with_context(|| format!("queue {name}"))?;
    let rows = look(&queue, stop).await?;
    match print(&queue, &rows, arguments.show, stop).await {
        // The reader of our output, such as `head`, has seen enough.
        Err(error) if is_broken_pipe(&error) => Ok(()),
        Err(error) => Err(error),
        Ok(()) => {
            let copies: usize = rows.iter().map(|row| row.copies.len()).sum();
            let copies =
                if copies > rows.len() { format!(", in {copies} copies") } else { String::new() };
            eprintln!("{}{copies} on {}.", messages(rows.len()), queue.name());
            Ok(())
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

async fn print(
    queue: &Queue,
    rows: &[Row],
    with_bodies: bool,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut out = io::stdout();
    table::write_head(&mut out)?;
    if with_bodies {
        return print_with_bodies(queue, rows, stop).await;
    }
    for row in rows {
        table::write_row(&mut out, row, SystemTime::now())?;
    }
    Ok(())
}

/// Goes through the queue once more, so that no body has to be kept in memory, and shows each
/// message with its body.
async fn print_with_bodies(
    queue: &Queue,
    rows: &[Row],
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    // One copy of each message is enough.
    let first_copies = rows.iter().filter_map(|row| Some((row.copies.first()?.as_str(), row)));
    let mut to_show: HashMap<&str, &Row> = first_copies.collect();
    let mut sweep = Sweep::new(queue, stop, ProgressBar::hidden());
    let mut printed = Ok(());
    while printed.is_ok()
        && !to_show.is_empty()
        && let Some(deliveries) = sweep.next().await
    {
        let mut out = io::stdout().lock();
        printed = deliveries.iter().try_for_each(|delivery| {
            let Some(row) = to_show.remove(delivery.received.message_id.as_str()) else {
                return Ok(());
            };
            table::write_row(&mut out, row, SystemTime::now())?;
            writeln!(out, "{}", table::body(&delivery.received.body))
        });
    }
    sweep.finish().await?;
    Ok(printed?)
}
