//! The settings of the commands for operators, which serve nothing.

use std::collections::BTreeMap;

use anyhow::Context;
use queue::{
    Connection, QueueFinder, QueueNames,
    settings::{SqsSettings, queue_names},
};
use service::settings::{Environment, Faults, LogSettings};
use store::Store;

use super::{DatabaseSettings, work::read_keeps_invalid};

/// Everything that `worker redrive` and `worker invalid list` read from their environment.
#[derive(Clone, Debug)]
pub struct OperatorSettings {
    pub log: LogSettings,
    pub sqs: SqsSettings,
    /// By form type.
    pub queues: BTreeMap<String, QueueNames>,
    /// Whether the invalid messages are in the database.
    pub keeps_invalid: bool,
    /// Used only if they are.
    pub database: DatabaseSettings,
}

impl OperatorSettings {
    /// Reads and checks all variables.
    ///
    /// # Errors
    /// Every fault of every variable.
    pub fn read(mut environment: Environment) -> Result<Self, Faults> {
        let settings = Self {
            log: LogSettings::read(&mut environment),
            queues: queue_names(&mut environment),
            sqs: SqsSettings::read(&mut environment),
            keeps_invalid: read_keeps_invalid(&mut environment),
            database: DatabaseSettings::read(&mut environment, 1, false),
        };
        environment.finish(settings)
    }

    /// The names of a form type's queues.
    ///
    /// # Errors
    /// There is no such form type.
    pub fn queue_names(&self, form_type: &str) -> anyhow::Result<&QueueNames> {
        self.queues.get(form_type).with_context(|| {
            let known: Vec<&str> = self.queues.keys().map(String::as_str).collect();
            format!("there is no form type {form_type}, FORM_TYPES names {}", known.join(", "))
        })
    }

    /// The database. Does not connect yet.
    ///
    /// # Errors
    /// Its settings are wrong.
    pub fn store(&self) -> anyhow::Result<Store> {
        Store::new(&self.database.store).context("DATABASE_URL")
    }

    /// A finder of a form type's queues that never creates them.
    ///
    /// # Errors
    /// There is no such form type.
    pub async fn finder(&self, form_type: &str) -> anyhow::Result<QueueFinder> {
        let names = self.queue_names(form_type)?;
        let connection = Connection::from_environment(self.sqs.region.clone()).await;
        Ok(QueueFinder { connection, names: names.clone(), create: false })
    }
}
