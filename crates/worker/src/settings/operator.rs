//! The settings of the commands for operators, which use no database and serve nothing.

use std::collections::BTreeMap;

use anyhow::bail;
use queue::{
    Connection, QueueFinder, QueueNames,
    settings::{SqsSettings, queue_names},
};
use service::settings::{Environment, Faults, LogSettings};

/// Everything that `worker redrive` and `worker invalid list` read from their environment.
#[derive(Clone, Debug)]
pub struct OperatorSettings {
    pub log: LogSettings,
    pub sqs: SqsSettings,
    /// By form type.
    pub queues: BTreeMap<String, QueueNames>,
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
        };
        environment.finish(settings)
    }

    /// A finder of a form type's queues that never creates them.
    ///
    /// # Errors
    /// There is no such form type.
    pub async fn finder(&self, form_type: &str) -> anyhow::Result<QueueFinder> {
        let Some(names) = self.queues.get(form_type) else {
            let known: Vec<&str> = self.queues.keys().map(String::as_str).collect();
            bail!("there is no form type {form_type}, FORM_TYPES names {}", known.join(", "));
        };
        let connection = Connection::from_environment(self.sqs.region.clone()).await;
        Ok(QueueFinder { connection, names: names.clone(), create: false })
    }
}
