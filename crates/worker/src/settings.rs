//! The settings of the worker, one struct per concern.

mod database;
mod operator;
mod work;

use std::time::Duration;

use domain::FormTypes;
use service::settings::{
    Environment, Faults, FormTypeSettings, ListenSettings, LogSettings, MetricsSettings,
    SqsSettings, StopSettings,
};
use store::StoreSettings;

pub use self::{operator::OperatorSettings, work::WorkSettings};

pub const DEFAULT_PORT: u16 = 8001;

/// Everything that the worker takes from its environment.
#[derive(Clone, Debug)]
pub struct Settings {
    pub listen: ListenSettings,
    pub log: LogSettings,
    pub metrics: MetricsSettings,
    pub stop: StopSettings,
    /// Those that this worker consumes.
    pub form_types: FormTypes,
    pub sqs: SqsSettings,
    pub database: StoreSettings,
    pub work: WorkSettings,
}

impl Settings {
    /// Reads and checks all of them.
    ///
    /// # Errors
    /// Every fault of every variable.
    pub fn read(mut environment: Environment) -> Result<Self, Faults> {
        let work = WorkSettings::read(&mut environment);
        let named = FormTypeSettings::read(&mut environment);
        let form_types = FormTypes::new(&named.names, &named.schemas).unwrap_or_else(|faults| {
            faults.iter().for_each(|(name, fault)| named.fault(&mut environment, name, fault));
            FormTypes::default()
        });
        let consumed = work.form_types.clone().unwrap_or_else(|| named.names.clone());
        if consumed.iter().any(|name| !named.names.contains(name)) {
            environment.fault("WORKER_FORM_TYPES", "names a type that FORM_TYPES does not");
        }
        let settings = Self {
            listen: ListenSettings::read(&mut environment, DEFAULT_PORT),
            log: LogSettings::read(&mut environment),
            metrics: MetricsSettings::read(&mut environment),
            stop: StopSettings::read(&mut environment),
            sqs: SqsSettings::read(&mut environment, &named.names),
            form_types: form_types.only(&consumed),
            database: database::read(&mut environment, work.connections),
            work,
        };
        environment.finish(settings)
    }

    /// What is allowed and most likely not meant.
    pub fn warn(&self) {
        if self.sqs.visibility_timeout < Duration::from_secs(60) {
            log::warn!(
                "SQS_VISIBILITY_TIMEOUT is under 60 s: what takes longer to be stored is delivered twice, which is harmless \
                 but costs. seconds={}",
                self.sqs.visibility_timeout.as_secs()
            );
        }
        if self.stop.grace < self.sqs.wait_time + Duration::from_secs(5) {
            log::warn!(
                "SHUTDOWN_GRACE_SECONDS is less than SQS_WAIT_TIME and 5 s more: a poll that is out when the worker stops \
                 may be cut off, and what it brings is hidden for the visibility timeout. grace_seconds={} wait_seconds={}",
                self.stop.grace.as_secs(),
                self.sqs.wait_time.as_secs()
            );
        }
    }
}
