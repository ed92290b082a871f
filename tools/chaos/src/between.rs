//! `kill -9` of a worker at one moment, again and again: between COMMIT and delete, or between the send to the invalid
//! queue and the delete.
//!
//! The moment is found from outside, without a hook in the worker: local-sqs keeps every delete unanswered and undone,
//! and counts that it came. What a delete follows has happened by then, and is looked at before the kill.

use std::{collections::BTreeSet, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use serde_json::{Value, json};
use test_kit::{
    forms::{post, registration},
    service::Signal,
    sqs::Counts,
    stack::{INVALID, QUEUE},
};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::system::{DATABASE, System};

/// Longer than any step takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// When the worker is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The row is committed, its message not deleted.
    CommitAndDelete,
    /// The message is confirmed on the invalid queue, and not deleted on its own.
    AsideAndDelete,
}

/// What is left after so many kills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Workers that were killed, each with a message of its own.
    pub kills: usize,
    /// Rows in all.
    pub rows: usize,
    /// Messages of which the row, or the copy on the invalid queue, is missing.
    pub lost: usize,
    /// Rows that are there twice, or `original_message_id`s that nobody has sent.
    pub doubled: usize,
    /// Messages on the invalid queue, copies included.
    pub aside_copies: usize,
}

impl Left {
    /// The figures in Markdown.
    pub fn report(&self, moment: Moment) -> String {
        let (between, is_left) = match moment {
            Moment::CommitAndDelete => ("COMMIT and delete", "one row each"),
            Moment::AsideAndDelete => (
                "the send to the invalid queue and the delete",
                "copies with one `original_message_id` each",
            ),
        };
        let Self { kills, rows, lost, doubled, aside_copies } = self;
        format!(
            "# Killed between {between}\n\n\
             A worker had a message, was killed with `kill -9` between {between}, and started again, each time with \
             another message; {is_left} are to be left.\n\
             The moment is found from outside: the queue server keeps every delete unanswered and undone, and counts \
             that it came.\n\n\
             | | |\n|---|---|\n\
             | kills | {kills} |\n\
             | rows | {rows} |\n\
             | on the invalid queue, copies included | {aside_copies} |\n\
             | **lost** | **{lost}** |\n\
             | **doubled** | **{doubled}** |\n"
        )
    }
}

/// Kills so many workers, in several systems side by side, each below `directory`.
///
/// # Errors
/// Something does not start or does not happen within a minute, or it was interrupted.
pub async fn kill_between(
    moment: Moment,
    kills: usize,
    systems: usize,
    directory: &Path,
    bar: &ProgressBar,
    interrupted: &CancellationToken,
) -> Result<Left> {
    let mut lanes = JoinSet::new();
    for lane in 0..systems {
        let directory = directory.join(format!("system-{}", lane + 1));
        std::fs::create_dir_all(&directory)?;
        let share = kills / systems + usize::from(lane < kills % systems);
        let (bar, interrupted) = (bar.clone(), interrupted.clone());
        lanes.spawn(async move {
            let killing = kill_in_one(moment, share, &directory, &bar);
            interrupted.run_until_cancelled(killing).await.context("interrupted")?
        });
    }
    let mut all = Left::default();
    while let Some(left) = lanes.join_next().await {
        let left = left??;
        all.kills += left.kills;
        all.rows += left.rows;
        all.lost += left.lost;
        all.doubled += left.doubled;
        all.aside_copies += left.aside_copies;
    }
    Ok(all)
}

async fn kill_in_one(
    moment: Moment,
    kills: usize,
    directory: &Path,
    bar: &ProgressBar,
) -> Result<Left> {
    // What a killed worker had comes again at once, as far as SQS can.
    let system = System::start(directory, 1, &[("SQS_VISIBILITY_TIMEOUT", "1")]).await?;
    let (Some(api), Some(worker)) = (system.apis.first(), system.workers.first()) else {
        return Ok(Left::default());
    };
    let client = reqwest::Client::new();
    let mut sent = BTreeSet::new();
    for number in 0..kills {
        system
            .sqs
            .fault(json!({ "action": "DeleteMessageBatch", "kind": "hang", "queue": QUEUE }))
            .await;
        let deletes = system.sqs.requests("DeleteMessageBatch").await;
        let id = match moment {
            Moment::CommitAndDelete => {
                let answer = post(&client, &api.url(""), registration(number)).await?;
                ensure!(answer.status() == 202, "the api answers {}", answer.status());
                let answer: Value = answer.json().await?;
                answer.get("id").and_then(Value::as_str).context("an id")?.to_owned()
            }
            Moment::AsideAndDelete => {
                system.sqs.send(QUEUE, &format!("not json {number}"), &[]).await
            }
        };
        let called = async {
            while system.sqs.requests("DeleteMessageBatch").await == deletes {
                sleep(LOOK_AGAIN).await;
            }
        };
        timeout(LIMIT, called).await.context("no delete is called")?;
        let is_done = match moment {
            Moment::CommitAndDelete => {
                let query = format!("select count(*) from forms where submission_id = '{id}'");
                system.postgres.sql(DATABASE, query).await? == "1"
            }
            Moment::AsideAndDelete => system.sqs.counts(INVALID).await.visible > number as u64,
        };
        ensure!(is_done, "the delete was called before the message was safe");
        worker.stop(Signal::Kill).await?;
        sent.insert(id);

        system.sqs.no_faults().await;
        worker.start().await?;
        let deleted = async {
            while system.counts().await != Some(Counts::NONE) {
                sleep(LOOK_AGAIN).await;
            }
        };
        timeout(LIMIT, deleted).await.context("the message is not deleted when it comes again")?;
        bar.inc(1);
    }
    let ids = system.postgres.sql(DATABASE, "select submission_id from forms").await?;
    let rows: Vec<String> = ids.lines().map(str::to_owned).collect();
    let aside = system.drain_invalid().await;
    let originals =
        aside.iter().filter_map(|message| message.attributes.get("original_message_id").cloned());
    let originals: BTreeSet<String> = originals.collect();
    let distinct: BTreeSet<String> = rows.iter().cloned().collect();
    let (there, surplus) = match moment {
        Moment::CommitAndDelete => (&distinct, rows.len() - distinct.len() + aside.len()),
        Moment::AsideAndDelete => (&originals, rows.len()),
    };
    Ok(Left {
        kills: sent.len(),
        rows: rows.len(),
        lost: sent.difference(there).count(),
        doubled: surplus + there.difference(&sent).count(),
        aside_copies: aside.len(),
    })
}
