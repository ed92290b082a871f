//! Inflicts the faults of a plan, and undoes each of them.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use test_kit::{Signal, postgres::Shutdown};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    fault::{Fault, SqsFault, Target},
    history::{FaultRecord, History},
    instance::Instance,
    plan::{Lane, Pace, Plan},
    system::{DATABASE, ROLE, System},
};

mod invalid;

/// Breaks one lane of the system.
pub struct Nemesis {
    pub seed: u64,
    pub lane: Lane,
    pub pace: Pace,
    pub system: Arc<System>,
    pub history: Arc<History>,
}

impl Nemesis {
    /// Follows the plan until `stop`, and then undoes the current fault. An error if the system did not recover.
    pub async fn run(self, stop: CancellationToken) -> Result<()> {
        for planned in Plan::new(self.seed, self.lane, self.pace) {
            let pause = sleep(Duration::from_millis(planned.pause_ms));
            if stop.run_until_cancelled(pause).await.is_none() {
                break;
            }
            let at_ms = self.history.now_ms();
            self.inflict(&planned.fault, &stop).await?;
            self.history.record_fault(FaultRecord {
                at_ms,
                until_ms: self.history.now_ms(),
                what: planned.fault.description(),
                kind: planned.fault.kind(),
            });
        }
        Ok(())
    }

    async fn inflict(&self, fault: &Fault, stop: &CancellationToken) -> Result<()> {
        let postgres = &self.system.postgres;
        match fault {
            Fault::Kill(target, ms) => {
                self.instance(*target).stop(Signal::Kill).await?;
                hold(*ms, stop).await;
                self.instance(*target).start().await
            }
            Fault::Terminate(target) => {
                self.instance(*target).stop(Signal::Term).await?;
                self.instance(*target).start().await
            }
            Fault::Freeze(target, ms) => {
                self.instance(*target).signal(Signal::Stop)?;
                hold(*ms, stop).await;
                self.instance(*target).signal(Signal::Continue)
            }
            Fault::StopFast(ms) => self.stop_postgres(Shutdown::Fast, *ms, stop).await,
            Fault::StopImmediate(ms) => self.stop_postgres(Shutdown::Immediate, *ms, stop).await,
            Fault::ReadOnly(ms) => {
                let set =
                    format!("alter database {DATABASE} set default_transaction_read_only = on");
                let reset =
                    format!("alter database {DATABASE} reset default_transaction_read_only");
                self.change_sessions(set, *ms, reset, stop).await
            }
            Fault::OutOfConnections(ms) => {
                let set = format!("alter role {ROLE} connection limit 0");
                let reset = format!("alter role {ROLE} connection limit -1");
                self.change_sessions(set, *ms, reset, stop).await
            }
            Fault::Deadlock => {
                // An insert locks the table, then the sequence of its ids. This locks them in the opposite order.
                let opposite = "begin; alter sequence forms_id_seq no cycle; select pg_sleep(0.5); \
                                lock table forms in access exclusive mode; rollback";
                // An error is fine: PostgreSQL may end this session to resolve the deadlock.
                let _ = postgres.sql(DATABASE, opposite).await;
                Ok(())
            }
            Fault::LockTable(ms) => {
                let seconds = ms / 1000;
                let lock = format!(
                    "begin; lock table forms in access exclusive mode; select pg_sleep({seconds}); rollback"
                );
                postgres.sql(DATABASE, lock).await.map(drop)
            }
            Fault::RefuseForms(ms) => self.refuse_forms(*ms, stop).await,
            Fault::Redrive(ms) => self.redrive(*ms).await,
            Fault::Sqs(fault, ms) => self.break_sqs(*fault, *ms, stop).await,
        }
    }

    async fn stop_postgres(
        &self,
        shutdown: Shutdown,
        ms: u64,
        stop: &CancellationToken,
    ) -> Result<()> {
        self.system.postgres.stop(shutdown).await?;
        hold(ms, stop).await;
        self.system.postgres.restart().await
    }

    /// Changes a setting of new sessions and ends the old ones; later resets it the same way.
    async fn change_sessions(
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
        hold(ms, stop).await;
        postgres.sql("postgres", reset).await?;
        postgres.sql("postgres", end).await.map(drop)
    }

    async fn break_sqs(&self, fault: SqsFault, ms: u64, stop: &CancellationToken) -> Result<()> {
        match self.system.sqs.try_fault(fault.injected(self.seed)).await {
            Err(error) if error.is_status() => return Err(error.into()),
            // If local-sqs is down at this moment, that is fault enough.
            Err(_) | Ok(()) => {}
        }
        hold(ms, stop).await;
        let _ = self.system.sqs.try_no_faults().await;
        Ok(())
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the plan names instances 0 and 1, and a run has two of each"
    )]
    fn instance(&self, target: Target) -> &Arc<Instance> {
        match target {
            Target::Api(instance) => &self.system.apis[instance],
            Target::Worker(instance) => &self.system.workers[instance],
            Target::LocalSqs => &self.system.local_sqs,
        }
    }
}

/// Keeps a fault up for a time. The end of the run cuts it short, and the fault is still undone.
async fn hold(ms: u64, stop: &CancellationToken) {
    let _: Option<()> = stop.run_until_cancelled(sleep(Duration::from_millis(ms))).await;
}
