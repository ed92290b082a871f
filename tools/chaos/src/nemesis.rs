//! Does the faults of a plan, and takes each of them back.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use test_kit::{postgres::Shutdown, service::Signal};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    fault::{Fault, Lane, Pace, Plan, SqsFault, Target},
    history::{FaultDone, History},
    system::{DATABASE, Program, ROLE, System},
};

/// Breaks what belongs to one lane.
pub struct Nemesis {
    /// Draws the plan.
    pub seed: u64,
    /// What is broken.
    pub lane: Lane,
    /// How often.
    pub pace: Pace,
    /// Where.
    pub system: Arc<System>,
    /// Where it is written down.
    pub history: Arc<History>,
}

impl Nemesis {
    /// Goes through the plan until `stop`; then the fault that is being done is taken back.
    ///
    /// # Errors
    /// Something did not come back.
    pub async fn run(self, stop: CancellationToken) -> Result<()> {
        for (pause, fault) in Plan::new(self.seed, self.lane, self.pace) {
            if stop.run_until_cancelled(sleep(Duration::from_millis(pause))).await.is_none() {
                break;
            }
            let at_ms = self.history.now_ms();
            self.inflict(&fault, &stop).await?;
            let until_ms = self.history.now_ms();
            self.history.fault(FaultDone {
                at_ms,
                until_ms,
                what: fault.in_words(),
                kind: fault.kind(),
            });
        }
        Ok(())
    }

    async fn inflict(&self, fault: &Fault, stop: &CancellationToken) -> Result<()> {
        let postgres = &self.system.postgres;
        match fault {
            Fault::Kill(target, down) => {
                self.target(*target).stop(Signal::Kill).await?;
                last(*down, stop).await;
                self.target(*target).start().await
            }
            Fault::Terminate(target) => {
                self.target(*target).stop(Signal::Term).await?;
                self.target(*target).start().await
            }
            Fault::Freeze(target, ms) => {
                self.target(*target).signal(Signal::Stop)?;
                last(*ms, stop).await;
                self.target(*target).signal(Signal::Continue)
            }
            Fault::StopFast(ms) | Fault::StopImmediate(ms) => {
                let fast = matches!(fault, Fault::StopFast(_));
                postgres.stop(if fast { Shutdown::Fast } else { Shutdown::Immediate }).await?;
                last(*ms, stop).await;
                postgres.restart().await
            }
            Fault::ReadOnly(ms) => {
                let set =
                    format!("alter database {DATABASE} set default_transaction_read_only = on");
                let reset =
                    format!("alter database {DATABASE} reset default_transaction_read_only");
                self.for_new_sessions(set, *ms, reset, stop).await
            }
            Fault::OutOfConnections(ms) => {
                let set = format!("alter role {ROLE} connection limit 0");
                let reset = format!("alter role {ROLE} connection limit -1");
                self.for_new_sessions(set, *ms, reset, stop).await
            }
            Fault::Deadlock => {
                // An insert locks the table, then the sequence of its ids; this goes the other way round.
                let other_way = "begin; alter sequence forms_id_seq no cycle; select pg_sleep(0.5); \
                                 lock table forms in access exclusive mode; rollback";
                // It may be the one that PostgreSQL ends.
                let _ = postgres.sql(DATABASE, other_way).await;
                Ok(())
            }
            Fault::LockTable(ms) => {
                let seconds = ms / 1000;
                let held = format!(
                    "begin; lock table forms in access exclusive mode; select pg_sleep({seconds}); rollback"
                );
                postgres.sql(DATABASE, held).await.map(drop)
            }
            Fault::Sqs(fault, ms) => self.misbehave(*fault, *ms, stop).await,
        }
    }

    /// Changes a setting of new sessions, ends the old ones, and later the other way round.
    async fn for_new_sessions(
        &self,
        set: String,
        ms: u64,
        reset: String,
        stop: &CancellationToken,
    ) -> Result<()> {
        let end = format!(
            "select pg_terminate_backend(pid) from pg_stat_activity where usename = '{ROLE}'"
        );
        let postgres = &self.system.postgres;
        postgres.sql("postgres", set).await?;
        postgres.sql("postgres", end.clone()).await?;
        last(ms, stop).await;
        postgres.sql("postgres", reset).await?;
        postgres.sql("postgres", end).await.map(drop)
    }

    /// A local-sqs that is down at this moment misbehaves enough.
    async fn misbehave(&self, fault: SqsFault, ms: u64, stop: &CancellationToken) -> Result<()> {
        match self.system.sqs.try_fault(fault.rule(self.seed)).await {
            Err(error) if error.is_status() => return Err(error.into()),
            Err(_) | Ok(()) => {}
        }
        last(ms, stop).await;
        let _ = self.system.sqs.try_no_faults().await;
        Ok(())
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the plan names instances 0 and 1, and a run has two of each"
    )]
    fn target(&self, target: Target) -> &Arc<Program> {
        match target {
            Target::Api(instance) => &self.system.apis[instance],
            Target::Worker(instance) => &self.system.workers[instance],
            Target::LocalSqs => &self.system.local_sqs,
        }
    }
}

/// A fault is cut short by the end of the run, and taken back all the same.
async fn last(ms: u64, stop: &CancellationToken) {
    let _: Option<()> = stop.run_until_cancelled(sleep(Duration::from_millis(ms))).await;
}
