//! `worker redrive` with `WORKER_KEEPS_INVALID=false`: sends the messages of the invalid queue back to the form queue, and deletes
//! each message when SQS has confirmed it there.
//!
//! It first looks at the whole queue, then goes through it again and sends. It leaves any message
//! that it did not see at the look: that may be a message which it has just sent and which was set
//! aside again, not a copy to delete.

use std::{
    collections::{HashMap, HashSet},
    io,
    num::NonZeroUsize,
    time::SystemTime,
};

use anyhow::{Context, bail};
use queue::{Delivery, QueuePair};
use tokio_util::sync::CancellationToken;

use super::{
    look::{Row, look},
    send::{Sent, send_back},
    sweep::Sweep,
    table,
    terminal::{messages, progress},
};
use crate::{arguments::RedriveArguments, settings::OperatorSettings};

/// Counts what happens. Rows are known by their place in the list.
#[derive(Default)]
struct Tally {
    /// Rows of which SQS has confirmed a copy on the form queue.
    sent: HashSet<usize>,
    /// Rows that SQS refuses; another attempt would not help.
    refused: HashSet<usize>,
    /// Messages that were sent and are still on the invalid queue.
    not_deleted: usize,
    /// Messages that were not there at the look.
    came_later: usize,
}

/// Sends the invalid messages of a form type back.
///
/// # Errors
/// The form type does not exist, the process was asked to stop, SQS failed, or some messages could
/// not be sent or deleted.
pub async fn redrive(
    settings: &OperatorSettings,
    arguments: &RedriveArguments,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let finder = settings.finder(&arguments.form_type).await?;
    let (from, to) = (&finder.names.invalid, &finder.names.form);
    let pair = QueuePair {
        invalid: finder.invalid_queue().await.with_context(|| format!("queue {from}"))?,
        form: finder.form_queue().await.with_context(|| format!("queue {to}"))?,
    };
    let rows = look(&pair.invalid, stop).await?;
    let wanted = rows.len().min(arguments.limit.map_or(usize::MAX, NonZeroUsize::get));
    if arguments.dry_run {
        print(rows.iter().take(wanted))?;
        eprintln!("Would send {} from {from} back to {to}.", messages(wanted));
        return Ok(());
    }

    let mut tally = Tally::default();
    let outcome = send_rows(&pair, &rows, wanted, stop, &mut tally).await;
    let sent =
        rows.iter().enumerate().filter(|(row, _)| tally.sent.contains(row)).map(|(_, row)| row);
    let printed = print(sent);
    eprintln!("Sent {} from {from} back to {to}.", messages(tally.sent.len()));
    if tally.came_later > 0 {
        eprintln!(
            "{} arrived on {from} meanwhile and stay there. Some of them may have been sent back just now and set \
             aside again.",
            messages(tally.came_later)
        );
    }
    outcome?;
    tally.check_complete(wanted)?;
    Ok(printed?)
}

/// Sends the first `wanted` rows. `tally` says what was done, even if this ends with an error.
async fn send_rows(
    pair: &QueuePair,
    rows: &[Row],
    wanted: usize,
    stop: &CancellationToken,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    let mut messages_to_come: usize = rows.iter().take(wanted).map(|row| row.copies.len()).sum();
    let copies = rows
        .iter()
        .enumerate()
        .flat_map(|(row, Row { copies, .. })| copies.iter().map(move |id| (id.as_str(), row)));
    let row_of_message: HashMap<&str, usize> = copies.collect();
    let bar = progress("Sending back", Some(row_of_message.len() as u64));
    let mut sweep = Sweep::new(&pair.invalid, stop, bar);
    let mut failure = None;
    while failure.is_none()
        && messages_to_come > 0
        && let Some(deliveries) = sweep.next().await
    {
        let mut to_send = HashMap::new();
        let mut copies = Vec::new();
        for delivery in deliveries {
            let Some(row) = row_of_message.get(delivery.received.message_id.as_str()).copied()
            else {
                tally.came_later += 1;
                continue;
            };
            if row >= wanted {
                continue;
            }
            messages_to_come -= 1;
            if tally.sent.contains(&row) || to_send.contains_key(&row) {
                copies.push((row, delivery));
            } else {
                to_send.insert(row, delivery);
            }
        }
        let to_send: Vec<(usize, Delivery)> = to_send.into_iter().collect();
        let messages: Vec<_> =
            to_send.iter().map(|(_, delivery)| (&delivery.received, None)).collect();
        let (sent, failed) = send_back(&pair.form, &messages).await;
        failure = failed;
        for ((row, _), sent) in to_send.iter().zip(sent) {
            match sent {
                Sent::Confirmed => _ = tally.sent.insert(*row),
                Sent::Refused => _ = tally.refused.insert(*row),
                Sent::Failed => {}
            }
        }
        let confirmed =
            to_send.into_iter().chain(copies).filter(|(row, _)| tally.sent.contains(row));
        let confirmed: Vec<String> =
            confirmed.map(|(_, delivery)| delivery.received.message_id).collect();
        tally.not_deleted += sweep.delete(&confirmed).await;
    }
    sweep.finish().await?;
    failure.map_or(Ok(()), Err)
}

fn print<'a>(mut rows: impl Iterator<Item = &'a Row>) -> io::Result<()> {
    let mut out = io::stdout();
    table::write_head(&mut out)?;
    rows.try_for_each(|row| table::write_row(&mut out, row, SystemTime::now()))
}

impl Tally {
    fn check_complete(&self, wanted: usize) -> anyhow::Result<()> {
        // SQS may have accepted a copy of a refused row, one with fewer attributes.
        let refused = self.refused.difference(&self.sent).count();
        let not_received = wanted - self.sent.len() - refused;
        let problems = [
            ("refused by SQS and left on the invalid queue", refused),
            ("not received again, because another reader has them or they are gone", not_received),
            (
                "sent back but not deleted, so the next redrive sends them once more, which does no harm",
                self.not_deleted,
            ),
        ];
        let problems = problems.iter().filter(|(_, count)| *count > 0);
        let problems: Vec<String> =
            problems.map(|(problem, count)| format!("{problem}: {}", messages(*count))).collect();
        if !problems.is_empty() {
            bail!(problems.join("; "));
        }
        Ok(())
    }
}
