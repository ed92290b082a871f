//! The settings of the worker, one struct per concern.

mod database;
mod operator;
mod work;

use std::time::Duration;

use queue::settings::{ServedForms, SqsSettings};
use service::settings::{
    Environment, Faults, ListenSettings, LogSettings, MetricsSettings, SettingsReport, StopSettings,
};

pub use self::{database::DatabaseSettings, operator::OperatorSettings, work::WorkSettings};

pub const DEFAULT_PORT: u16 = 8001;

/// Everything that the worker reads from its environment.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The variables as they were read.
    pub report: SettingsReport,
    pub listen: ListenSettings,
    pub log: LogSettings,
    pub metrics: MetricsSettings,
    pub stop: StopSettings,
    /// The form types that this worker consumes.
    pub forms: ServedForms,
    pub sqs: SqsSettings,
    pub database: DatabaseSettings,
    pub work: WorkSettings,
}

impl Settings {
    /// Reads and checks all variables.
    ///
    /// # Errors
    /// Every fault of every variable.
    pub fn read(mut environment: Environment) -> Result<Self, Faults> {
        let mut settings = Self::read_from(&mut environment);
        settings.report = environment.report();
        environment.finish(settings)
    }

    /// The table of all variables for the reference page.
    pub fn reference() -> String {
        let mut environment = Environment::default();
        Self::read_from(&mut environment);
        environment.reference()
    }

    fn read_from(environment: &mut Environment) -> Self {
        let work = WorkSettings::read(environment);
        Self {
            report: SettingsReport::default(),
            listen: ListenSettings::read(environment, DEFAULT_PORT),
            log: LogSettings::read(environment),
            metrics: MetricsSettings::read(environment),
            stop: StopSettings::read(environment),
            forms: consumed_forms(environment, &work),
            sqs: SqsSettings::read(environment),
            database: DatabaseSettings::read(environment, work.connections, work.keeps_invalid),
            work,
        }
    }

    /// Warns of settings that are allowed and probably not meant.
    pub fn warn(&self) {
        let Self { stop, sqs, database, .. } = self;
        database.warn();
        if sqs.poll.visibility_timeout < Duration::from_secs(60) {
            log::warn!(
                seconds = sqs.poll.visibility_timeout.as_secs();
                "SQS_VISIBILITY_TIMEOUT is under 60 s: a message that takes longer to be stored is delivered twice, \
                 which is harmless but costs."
            );
        }
        if sqs.poll.visibility_timeout > Duration::from_secs(3600) {
            log::warn!(
                seconds = sqs.poll.visibility_timeout.as_secs();
                "SQS_VISIBILITY_TIMEOUT is over an hour: the messages of a worker that is killed come back only after \
                 that time. Set 120."
            );
        }
        if stop.grace < sqs.poll.wait_time + Duration::from_secs(5) {
            log::warn!(
                grace_seconds = stop.grace.as_secs(), wait_seconds = sqs.poll.wait_time.as_secs();
                "SHUTDOWN_GRACE_SECONDS is less than SQS_WAIT_TIME plus 5 s: a poll that is still waiting when the worker \
                 stops may be cut off, and the messages it receives are hidden for the visibility timeout."
            );
        }
    }
}

/// The form types in `WORKER_FORM_TYPES`, or all without it.
fn consumed_forms(environment: &mut Environment, work: &WorkSettings) -> ServedForms {
    let forms = ServedForms::read(environment);
    let Some(consumed) = &work.form_types else { return forms };
    if let Some(name) = consumed.iter().find(|name| !forms.contains(name)) {
        let fault = format_args!("names {name}, which is not in FORM_TYPES");
        environment.fault("WORKER_FORM_TYPES", fault);
    }
    forms.only(consumed)
}
