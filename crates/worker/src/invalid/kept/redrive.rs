//! `worker redrive`: sends kept messages back to the form queue, the oldest first.
//!
//! A message is counted up before it is sent, and marked when SQS has confirmed it. If the command
//! is killed in between, the message waits on and is sent once more; its identity stores it once.

use std::{collections::HashMap, io, num::NonZeroUsize};

use anyhow::{Context, bail};
use domain::{InvalidMessage, Received};
use indicatif::ProgressBar;
use queue::Queue;
use store::{Sending, Store, Waiting};
use tokio_util::sync::CancellationToken;

use super::{call, write_head, write_row};
use crate::{
    arguments::RedriveArguments,
    invalid::{
        send::{Sent, send_back},
        terminal::{messages, progress},
    },
    settings::OperatorSettings,
};

/// Messages that are read and sent together, each of up to a megabyte.
const TOGETHER: usize = 10;

/// What was done.
#[derive(Default)]
struct Tally {
    sent: usize,
    /// SQS refuses them; another attempt would not help.
    refused: usize,
    /// Why a line could not be printed. Sending goes on all the same.
    not_printed: Option<io::Error>,
}

/// Sends the invalid messages of a form type back.
///
/// # Errors
/// The form type does not exist, the process was asked to stop, SQS or the database failed, or some
/// messages could not be sent.
pub async fn redrive(
    settings: &OperatorSettings,
    arguments: &RedriveArguments,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let finder = settings.finder(&arguments.form_type).await?;
    let to = &finder.names.form;
    let store = settings.store()?;
    let form_type = arguments.form_type.clone();
    let waiting = call(&store, move |store| store.count_waiting_of(&form_type)).await?;
    let waiting = usize::try_from(waiting).unwrap_or(usize::MAX);
    // Messages that come later are for the next redrive.
    let wanted = waiting.min(arguments.limit.map_or(usize::MAX, NonZeroUsize::get));

    let mut tally = Tally::default();
    tally.note(write_head(&mut io::stdout()));
    let form = match arguments.dry_run {
        true => None,
        false => Some(finder.form_queue().await.with_context(|| format!("queue {to}"))?),
    };
    let redrive = Redrive { store, form, form_type: arguments.form_type.clone() };
    let outcome = redrive.run(wanted, stop, &mut tally).await;
    let would = if arguments.dry_run { "Would send" } else { "Sent" };
    eprintln!("{would} {} back to {to}.", messages(tally.sent));
    outcome?;
    if tally.refused > 0 {
        bail!("refused by SQS, and waiting still: {}", messages(tally.refused));
    }
    tally.not_printed.map_or(Ok(()), |error| Err(error.into()))
}

struct Redrive {
    store: Store,
    /// `None` if nothing is to be sent.
    form: Option<Queue>,
    form_type: String,
}

impl Redrive {
    /// Sends the oldest `wanted` messages. `tally` says what was done, even if this ends with an
    /// error.
    async fn run(
        &self,
        wanted: usize,
        stop: &CancellationToken,
        tally: &mut Tally,
    ) -> anyhow::Result<()> {
        let bar = match &self.form {
            Some(_) => progress("Sending back", Some(wanted as u64)),
            None => ProgressBar::hidden(),
        };
        // A message that comes back meanwhile has its old number, so it is not sent again.
        let (mut after, mut left) = (0, wanted);
        while left > 0 {
            if stop.is_cancelled() {
                bail!("stopped before the end");
            }
            let (form_type, limit) = (self.form_type.clone(), left.min(TOGETHER));
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let rows =
                call(&self.store, move |store| store.waiting(&form_type, after, limit)).await?;
            let Some(last) = rows.last() else { break };
            after = last.id;
            left -= rows.len();
            bar.inc(rows.len() as u64);
            match &self.form {
                Some(form) => self.send_rows(form, rows, tally).await?,
                None => rows.iter().for_each(|row| tally.count_sent(row)),
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    async fn send_rows(
        &self,
        form: &Queue,
        rows: Vec<Waiting>,
        tally: &mut Tally,
    ) -> anyhow::Result<()> {
        let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
        let rows: HashMap<i64, Waiting> = rows.into_iter().map(|row| (row.id, row)).collect();
        let begun = call(&self.store, move |store| store.begin_sending_back(&ids)).await?;
        let mut to_send: Vec<(Received, Sending, Option<i32>)> = Vec::with_capacity(begun.len());
        for (message, sending) in begun {
            let InvalidMessage { times_sent, .. } = message;
            match message.into_received() {
                Some(received) => to_send.push((received, sending, times_sent)),
                None => {
                    log::error!(id = sending.id; "A row of invalid_messages is not a message any more.");
                    tally.refused += 1;
                }
            }
        }
        to_send.sort_by_key(|(_, sending, _)| sending.id);
        let messages: Vec<_> =
            to_send.iter().map(|(received, _, times_sent)| (received, *times_sent)).collect();
        let (sent, failure) = send_back(form, &messages).await;
        for ((_, sending, _), sent) in to_send.into_iter().zip(sent) {
            match sent {
                Sent::Confirmed => {
                    call(&self.store, move |store| store.mark_sent_back(sending)).await?;
                    if let Some(row) = rows.get(&sending.id) {
                        tally.count_sent(row);
                    }
                }
                Sent::Refused => tally.refused += 1,
                Sent::Failed => {}
            }
        }
        failure.map_or(Ok(()), Err)
    }
}

impl Tally {
    fn note(&mut self, printed: io::Result<()>) {
        if let Err(error) = printed {
            self.not_printed.get_or_insert(error);
        }
    }

    fn count_sent(&mut self, row: &Waiting) {
        self.sent += 1;
        let printed = write_row(&mut io::stdout(), row);
        self.note(printed);
    }
}
