//! What the commands of an operator need, which know no database and serve nobody.

use std::io;

use queue::{Connection, QueueFinder, QueueNames};
use service::settings::{Environment, Faults, FormTypeSettings, LogSettings, SqsSettings};

/// Everything that `worker redrive` and `worker invalid list` take from their environment.
#[derive(Clone, Debug)]
pub struct OperatorSettings {
    pub log: LogSettings,
    pub sqs: SqsSettings,
}

impl OperatorSettings {
    /// Reads and checks all of them.
    ///
    /// # Errors
    /// Every fault of every variable.
    pub fn read(mut environment: Environment) -> Result<Self, Faults> {
        let form_types = FormTypeSettings::read(&mut environment).names;
        let settings = Self {
            log: LogSettings::read(&mut environment),
            sqs: SqsSettings::read(&mut environment, &form_types),
        };
        environment.finish(settings)
    }

    /// The way to a form type's queues, which are never created here.
    ///
    /// # Errors
    /// There is no such form type.
    pub async fn finder(&self, form_type: &str) -> io::Result<QueueFinder> {
        let Some(queues) = self.sqs.queues.get(form_type) else {
            let names: Vec<&str> = self.sqs.queues.keys().map(String::as_str).collect();
            let words =
                format!("there is no form type {form_type}, FORM_TYPES names {}", names.join(", "));
            return Err(io::Error::new(io::ErrorKind::InvalidInput, words));
        };
        Ok(QueueFinder {
            connection: Connection::from_environment(self.sqs.region.clone()).await,
            names: QueueNames { form: queues.form.clone(), invalid: queues.invalid.clone() },
            create: false,
        })
    }
}
