//! Whether a row that PostgreSQL has reported as stored survives a failure: after that report, the
//! worker deletes its message.

use std::fmt;

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Bool, Nullable, Text},
};

use crate::{store::Store, unavailable::Unavailable};

/// A role without the rights of `pg_read_all_stats` sees that there are senders, and not their
/// state. Logical replication and a base backup make no standby.
const LOOK: &str = "
    SELECT current_setting('fsync') <> 'off' AS fsync,
           current_setting('synchronous_commit') AS synchronous_commit,
           current_setting('synchronous_standby_names') <> '' AS names_standbys,
           count(s.pid) AS standbys,
           bool_or(s.sync_state IN ('sync', 'quorum')) AS is_synchronous
        FROM (VALUES (1)) AS one LEFT JOIN pg_stat_replication s
            ON s.pid NOT IN (SELECT active_pid FROM pg_replication_slots
                                 WHERE slot_type = 'logical' AND active_pid IS NOT NULL)
            AND coalesce(s.state, 'streaming') <> 'backup'
            AND coalesce(s.application_name, '') <> 'pg_basebackup'";

/// What PostgreSQL does before it reports a COMMIT as done.
#[derive(Clone, Debug, PartialEq, Eq, QueryableByName)]
pub struct Durability {
    #[diesel(sql_type = Bool)]
    fsync: bool,
    /// Of the sessions that insert.
    #[diesel(sql_type = Text)]
    synchronous_commit: String,
    #[diesel(sql_type = Bool)]
    names_standbys: bool,
    #[diesel(sql_type = BigInt)]
    standbys: i64,
    /// `None` without a standby, or if the role may not see its state.
    #[diesel(sql_type = Nullable<Bool>)]
    is_synchronous: Option<bool>,
}

/// A way to lose a row that was reported as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DurabilityRisk {
    /// `fsync` is off.
    NoFsync,
    /// `synchronous_commit` is below `on`, and this is its value.
    WeakCommit(String),
    /// There are this many standbys, and none of them is synchronous.
    AsynchronousStandbys(i64),
}

impl Durability {
    /// The ways to lose rows that are known.
    pub fn risks(&self) -> Vec<DurabilityRisk> {
        let mut risks = Vec::new();
        if !self.fsync {
            risks.push(DurabilityRisk::NoFsync);
        }
        if !self.commit_waits() {
            risks.push(DurabilityRisk::WeakCommit(self.synchronous_commit.clone()));
        }
        // If a standby is named, COMMIT waits until it is there.
        if self.standbys > 0 && !self.names_standbys {
            risks.push(DurabilityRisk::AsynchronousStandbys(self.standbys));
        }
        risks
    }

    /// Why a COMMIT may not reach a synchronous standby; `None` if every COMMIT does.
    pub fn no_synchronous_standby(&self) -> Option<&'static str> {
        if !self.names_standbys {
            Some("synchronous_standby_names is empty")
        } else if !self.commit_waits() {
            Some("synchronous_commit is below on")
        } else if self.standbys == 0 || self.is_synchronous == Some(false) {
            Some("no synchronous standby is connected")
        } else {
            None
        }
    }

    fn commit_waits(&self) -> bool {
        matches!(self.synchronous_commit.as_str(), "on" | "remote_apply")
    }
}

impl fmt::Display for DurabilityRisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFsync => f.write_str("fsync is off"),
            Self::WeakCommit(value) => write!(f, "synchronous_commit is {value}"),
            Self::AsynchronousStandbys(count) => {
                write!(f, "standbys: {count}, none of them synchronous")
            }
        }
    }
}

impl Store {
    /// Asks PostgreSQL how safe a row is once it is reported as stored.
    pub fn durability(&self) -> Result<Durability, Unavailable> {
        self.session()?.run(|connection| sql_query(LOOK).get_result(connection))
    }
}
