//! `worker invalid list`: shows what lies on the invalid queue, and changes nothing but receive counts.

use std::{
    collections::HashMap,
    io::{self, Write},
    time::SystemTime,
};

use queue::Queue;
use tokio_util::sync::CancellationToken;

use super::{
    look::{Row, look},
    messages, of_queue,
    sweep::Sweep,
    table,
};
use crate::{arguments::ListArguments, settings::OperatorSettings};

/// Shows the invalid messages of a form type.
///
/// # Errors
/// There is no such form type, it was stopped, or SQS failed.
pub async fn list(
    settings: &OperatorSettings,
    arguments: &ListArguments,
    stop: &CancellationToken,
) -> io::Result<()> {
    let finder = settings.finder(&arguments.form_type).await?;
    let queue = finder.invalid_queue().await.map_err(of_queue(&finder.names.invalid))?;
    let rows = look(&queue, stop).await?;
    let mut out = io::stdout();
    let shown = match (table::head(&mut out), arguments.show) {
        (Err(error), _) => Err(error),
        (Ok(()), false) => {
            rows.iter().try_for_each(|row| table::line(&mut out, row, SystemTime::now()))
        }
        (Ok(()), true) => show(&queue, &rows, stop).await,
    };
    match shown {
        // Whoever reads it has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
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

/// Goes through the queue once more, so that no body need be kept, and shows each message with its body.
async fn show(queue: &Queue, rows: &[Row], stop: &CancellationToken) -> io::Result<()> {
    // One copy of each is shown.
    let first_copies = rows.iter().filter_map(|row| Some((row.copies.first()?.as_str(), row)));
    let mut to_show: HashMap<&str, &Row> = first_copies.collect();
    let mut sweep = Sweep::new(queue, stop, indicatif::ProgressBar::hidden());
    let mut shown = Ok(());
    while shown.is_ok()
        && !to_show.is_empty()
        && let Some(deliveries) = sweep.next().await
    {
        let mut out = io::stdout().lock();
        shown = deliveries.iter().try_for_each(|delivery| {
            let Some(row) = to_show.remove(delivery.received.message_id.as_str()) else {
                return Ok(());
            };
            table::line(&mut out, row, SystemTime::now())?;
            writeln!(out, "{}", table::body(&delivery.received.body))
        });
    }
    sweep.end().await?;
    shown
}
