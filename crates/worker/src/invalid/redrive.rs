//! `worker redrive`: sends what lies on the invalid queue back to the form queue, and deletes what is confirmed there.
//!
//! First it looks at the whole queue, then it goes through it again and sends. What it did not see when it looked it
//! leaves: that may be a message which it has just sent and which was set aside again, and no copy to be deleted.

use std::{
    collections::{HashMap, HashSet},
    io,
    num::NonZeroUsize,
    time::{Duration, SystemTime},
};

use domain::Message;
use futures_util::future::join_all;
use queue::{Cause, Delivery, MAX_ENTRIES, Queue, QueuePair, SqsError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    look::{Row, look},
    messages, of_queue, progress,
    sweep::Sweep,
    table,
};
use crate::{arguments::RedriveArguments, settings::OperatorSettings};

/// How long one send may take, with its second attempt.
const SEND_WITHIN: Duration = Duration::from_secs(10);

/// What has happened so far.
#[derive(Default)]
struct Tally {
    /// Rows of which a copy is confirmed on the form queue, by their place.
    sent: HashSet<usize>,
    /// Rows that SQS does not take however often they are sent, by their place.
    refused: HashSet<usize>,
    /// Messages that were sent and are still on the invalid queue.
    not_deleted: usize,
    /// Messages that were not there at the look.
    came_later: usize,
}

/// Sends the invalid messages of a form type back.
///
/// # Errors
/// There is no such form type, it was stopped, SQS failed, or not all could be sent and deleted.
pub async fn redrive(
    settings: &OperatorSettings,
    arguments: &RedriveArguments,
    stop: &CancellationToken,
) -> io::Result<()> {
    let finder = settings.finder(&arguments.form_type).await?;
    let names = &finder.names;
    let pair = QueuePair {
        invalid: finder.invalid_queue().await.map_err(of_queue(&names.invalid))?,
        form: finder.form_queue().await.map_err(of_queue(&names.form))?,
    };
    let rows = look(&pair.invalid, stop).await?;
    let wanted = rows.len().min(arguments.limit.map_or(usize::MAX, NonZeroUsize::get));
    let (from, to) = (&names.invalid, &names.form);
    if arguments.dry_run {
        print(rows.iter().take(wanted))?;
        eprintln!("Would send {} from {from} back to {to}.", messages(wanted));
        return Ok(());
    }

    let mut tally = Tally::default();
    let outcome = send_back(&pair, &rows, wanted, stop, &mut tally).await;
    let sent =
        rows.iter().enumerate().filter(|(row, _)| tally.sent.contains(row)).map(|(_, row)| row);
    let printed = print(sent);
    eprintln!("Sent {} from {from} back to {to}.", messages(tally.sent.len()));
    if tally.came_later > 0 {
        let what = "came to the invalid queue meanwhile and stay there, what was set aside again among them";
        eprintln!("{} {what}.", messages(tally.came_later));
    }
    outcome.and_then(|()| tally.complete(wanted)).and(printed)
}

/// Sends the first `wanted` rows; `tally` tells what was done, also where it ends with an error.
async fn send_back(
    pair: &QueuePair,
    rows: &[Row],
    wanted: usize,
    stop: &CancellationToken,
    tally: &mut Tally,
) -> io::Result<()> {
    let mut messages_to_meet: usize = rows.iter().take(wanted).map(|row| row.copies.len()).sum();
    // The place of each message's row.
    let copies = rows
        .iter()
        .enumerate()
        .flat_map(|(place, row)| row.copies.iter().map(move |copy| (copy.as_str(), place)));
    let places: HashMap<&str, usize> = copies.collect();
    let mut sweep =
        Sweep::new(&pair.invalid, stop, progress("Sending back", Some(places.len() as u64)));
    let mut failure = None;
    while failure.is_none()
        && messages_to_meet > 0
        && let Some(deliveries) = sweep.next().await
    {
        let mut first = HashMap::new();
        let mut copies = Vec::new();
        for delivery in deliveries {
            let Some(row) = places.get(delivery.received.message_id.as_str()).copied() else {
                tally.came_later += 1;
                continue;
            };
            if row >= wanted {
                continue;
            }
            messages_to_meet -= 1;
            if tally.sent.contains(&row) || first.contains_key(&row) {
                copies.push((row, delivery));
            } else {
                first.insert(row, delivery);
            }
        }
        let first: Vec<(usize, Delivery)> = first.into_iter().collect();
        for ((row, delivery), result) in first.iter().zip(send(&pair.form, &first).await) {
            match result {
                Ok(()) => _ = tally.sent.insert(*row),
                Err(error) => {
                    log::error!(
                        "A message could not be sent back. {} error=\"{error}\"",
                        delivery.received.named()
                    );
                    match error.cause() {
                        Cause::TooLong | Cause::Refused => _ = tally.refused.insert(*row),
                        Cause::Unavailable | Cause::Denied | Cause::MissingQueue => {
                            failure = Some(error)
                        }
                    }
                }
            }
        }
        let confirmed = first.into_iter().chain(copies).filter(|(row, _)| tally.sent.contains(row));
        let confirmed: Vec<String> =
            confirmed.map(|(_, delivery)| delivery.received.message_id).collect();
        tally.not_deleted += sweep.delete(&confirmed).await;
    }
    sweep.end().await?;
    failure.map_or(Ok(()), |error| Err(of_queue(pair.form.name())(error)))
}

/// One result for each, in order.
async fn send(form: &Queue, deliveries: &[(usize, Delivery)]) -> Vec<Result<(), SqsError>> {
    let limit = form.max_message_size().unwrap_or(usize::MAX);
    let whole: Vec<_> = deliveries
        .iter()
        .map(|(_, delivery)| Message::for_redrive(&delivery.received, limit))
        .collect();
    let mut results = send_all(form, &whole).await;
    // The queue does not tell its limit, or it has changed: the body is what counts, and what the message is known by.
    let too_long = |result: &Result<(), SqsError>| matches!(result, Err(error) if error.cause() == Cause::TooLong);
    let again = results.iter_mut().zip(deliveries).filter(|(result, _)| too_long(result));
    let (places, least): (Vec<_>, Vec<_>) = again
        .map(|(place, (_, delivery))| (place, Message::for_redrive(&delivery.received, 0)))
        .unzip();
    for (place, result) in places.into_iter().zip(send_all(form, &least).await) {
        *place = result;
    }
    results
}

async fn send_all(form: &Queue, messages: &[Message]) -> Vec<Result<(), SqsError>> {
    let calls = messages
        .chunks(MAX_ENTRIES)
        .map(|some| form.send(some, SEND_WITHIN, Instant::now() + SEND_WITHIN));
    join_all(calls).await.into_iter().flatten().collect()
}

fn print<'a>(mut rows: impl Iterator<Item = &'a Row>) -> io::Result<()> {
    let mut out = io::stdout();
    table::head(&mut out)?;
    rows.try_for_each(|row| table::line(&mut out, row, SystemTime::now()))
}

impl Tally {
    fn complete(&self, wanted: usize) -> io::Result<()> {
        // A copy with fewer attributes may have been taken.
        let refused = self.refused.difference(&self.sent).count();
        let not_met = wanted - self.sent.len() - refused;
        let all = [
            ("refused by SQS and left on the invalid queue", refused),
            ("not met again, because somebody else has them or they are gone", not_met),
            (
                "sent back but not deleted, so that they will be sent once more, which does no harm",
                self.not_deleted,
            ),
        ];
        let left = all.iter().filter(|(_, count)| *count > 0);
        let left: Vec<String> =
            left.map(|(what, count)| format!("{what}: {}", messages(*count))).collect();
        if left.is_empty() { Ok(()) } else { Err(io::Error::other(left.join("; "))) }
    }
}
