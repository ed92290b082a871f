//! `kill -9` of a worker at one exact moment, again and again: between COMMIT and delete, or between the send to the
//! invalid queue and the delete.
//!
//! The moment is found from outside, without a hook in the worker: local-sqs counts each delete that arrives, and
//! neither performs nor answers it. The step before the delete is then complete; we check that before each kill.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use test_kit::{
    Fault, Signal,
    forms::registration,
    http::Http,
    sqs::Counts,
    stack::{INVALID, QUEUE},
};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    instance::Instance,
    system::{DATABASE, System},
};

/// Longer than any step takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// When the worker is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The row is committed, but its message is not deleted.
    AfterCommit,
    /// The message is confirmed on the invalid queue, but not deleted from the form queue.
    AfterSetAside,
}

/// What was left after a number of kills.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KillResult {
    /// Workers killed, each while it had another message.
    pub kills: usize,
    pub rows: usize,
    /// Messages whose row, or copy on the invalid queue, is missing.
    pub lost: usize,
    /// Surplus rows, and `original_message_id`s that nobody sent.
    pub doubled: usize,
    /// Messages on the invalid queue, copies included.
    pub set_aside_copies: usize,
}

impl KillResult {
    fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.rows += other.rows;
        self.lost += other.lost;
        self.doubled += other.doubled;
        self.set_aside_copies += other.set_aside_copies;
    }
}

/// Kills workers in several systems side by side, each in its own directory below `directory`.
pub async fn kill_workers(
    moment: Moment,
    kills: usize,
    systems: usize,
    directory: &Path,
    bar: &ProgressBar,
    interrupted: &CancellationToken,
) -> Result<KillResult> {
    let mut tasks = JoinSet::new();
    for index in 0..systems {
        let directory = directory.join(format!("{moment:?}-{}", index + 1));
        fs::create_dir_all(&directory)?;
        let share = kills / systems + usize::from(index < kills % systems);
        let (bar, interrupted) = (bar.clone(), interrupted.clone());
        tasks.spawn(async move {
            let killing = kill_in_one_system(moment, share, &directory, &bar);
            interrupted.run_until_cancelled(killing).await.context("interrupted")?
        });
    }
    let mut total = KillResult::default();
    while let Some(result) = tasks.join_next().await {
        total.add(result??);
    }
    Ok(total)
}

async fn kill_in_one_system(
    moment: Moment,
    kills: usize,
    directory: &Path,
    bar: &ProgressBar,
) -> Result<KillResult> {
    // The message of a killed worker is delivered again as soon as SQS allows.
    let system = System::start(
        directory,
        1,
        &[("SQS_VISIBILITY_TIMEOUT", "1"), ("WORKER_KEEPS_INVALID", "false")],
    )
    .await?;
    let mut sent = BTreeSet::new();
    for number in 0..kills {
        sent.insert(kill_once(moment, &system, number).await?);
        bar.inc(1);
    }
    count_remains(moment, &system, &sent).await
}

/// Returns the id of the message, or of its form, that the killed worker had.
async fn kill_once(moment: Moment, system: &System, number: usize) -> Result<String> {
    let sqs = &system.sqs;
    let worker = system.workers.first().context("the system has a worker")?;
    sqs.fault(Fault::on("DeleteMessageBatch").hang().queue(QUEUE)).await;
    let deletes = sqs.requests("DeleteMessageBatch").await;
    let id = match moment {
        Moment::AfterCommit => {
            let api = system.apis.first().context("the system has an api")?;
            post_form(api, number).await?
        }
        Moment::AfterSetAside => sqs.send(QUEUE, &format!("not json {number}"), &[]).await,
    };
    let delete_arrives = async {
        while sqs.requests("DeleteMessageBatch").await == deletes {
            sleep(POLL_INTERVAL).await;
        }
    };
    timeout(LIMIT, delete_arrives).await.context("the worker calls no delete")?;
    let is_safe = match moment {
        Moment::AfterCommit => {
            let query = format!("select count(*) from forms where submission_id = '{id}'");
            system.postgres.sql(DATABASE, query).await? == "1"
        }
        Moment::AfterSetAside => sqs.counts(INVALID).await.visible > number as u64,
    };
    ensure!(is_safe, "the worker called delete before the message was safe");
    worker.stop(Signal::Kill).await?;

    sqs.no_faults().await;
    worker.start().await?;
    let message_is_deleted = async {
        while system.counts().await != Some(Counts::NONE) {
            sleep(POLL_INTERVAL).await;
        }
    };
    timeout(LIMIT, message_is_deleted)
        .await
        .context("the next worker does not delete the message")?;
    Ok(id)
}

async fn post_form(api: &Instance, number: usize) -> Result<String> {
    let answer = Http::at(api.url("")).try_post_form(registration(number)).await?;
    ensure!(answer.status == 202, "the api answered {}", answer.status);
    Ok(answer.submission_id())
}

async fn count_remains(
    moment: Moment,
    system: &System,
    sent: &BTreeSet<String>,
) -> Result<KillResult> {
    let ids = system.postgres.sql(DATABASE, "select submission_id from forms").await?;
    let rows = ids.lines().count();
    let stored: BTreeSet<String> = ids.lines().map(str::to_owned).collect();
    let invalid = system.drain_invalid().await;
    let originals =
        invalid.iter().filter_map(|message| message.attributes.get("original_message_id").cloned());
    let originals: BTreeSet<String> = originals.collect();
    let (found, surplus) = match moment {
        Moment::AfterCommit => (&stored, rows - stored.len() + invalid.len()),
        Moment::AfterSetAside => (&originals, rows),
    };
    Ok(KillResult {
        kills: sent.len(),
        rows,
        lost: sent.difference(found).count(),
        doubled: surplus + found.difference(sent).count(),
        set_aside_copies: invalid.len(),
    })
}

/// The results of both moments, in Markdown.
pub fn report(after_commit: &KillResult, after_set_aside: &KillResult) -> String {
    let row = |name: &str, value: fn(&KillResult) -> usize| {
        format!("| {name} | {} | {} |\n", value(after_commit), value(after_set_aside))
    };
    let bold_row = |name: &str, value: fn(&KillResult) -> usize| {
        let (first, second) = (value(after_commit), value(after_set_aside));
        format!("| **{name}** | **{first}** | **{second}** |\n")
    };
    format!(
        "# Workers killed at one exact moment\n\n\
         Each time, a worker received another message, was killed with `kill -9`, and was started again.\n\
         The moment is found from outside, without a hook in the worker: the queue server counts each delete that arrives, and neither performs nor answers it.\n\
         The step before the delete is then complete; the program checks that before each kill.\n\n\
         | killed between | COMMIT and delete | the send to the invalid queue and the delete |\n|---|---|---|\n\
         {}{}{}{}{}\n\
         If a worker dies after it has set a message aside and before it has deleted it, the next worker sets it aside again: two copies, with the same `original_message_id`.\n\n\
         To repeat this, build the programs as `make chaos` does, and run:\n\n    \
         target/debug/chaos kills --after-commit {} --after-set-aside {}\n",
        row("kills", |result| result.kills),
        row("rows", |result| result.rows),
        row("on the invalid queue, copies included", |result| result.set_aside_copies),
        bold_row("lost", |result| result.lost),
        bold_row("doubled", |result| result.doubled),
        after_commit.kills,
        after_set_aside.kills,
    )
}
