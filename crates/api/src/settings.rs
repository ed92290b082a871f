//! The settings of the intake, one struct per concern.

mod intake;
mod limits;
mod send;

use domain::FormTypes;
use queue::SendPace;
use service::settings::{
    Environment, Faults, FormTypeSettings, ListenSettings, LogSettings, MetricsSettings,
    SqsSettings, StopSettings,
};

pub use self::{intake::IntakeSettings, limits::LimitSettings};

pub const DEFAULT_PORT: u16 = 8000;

/// Everything that the intake takes from its environment.
#[derive(Clone, Debug)]
pub struct Settings {
    pub listen: ListenSettings,
    pub log: LogSettings,
    pub metrics: MetricsSettings,
    pub stop: StopSettings,
    pub form_types: FormTypes,
    pub sqs: SqsSettings,
    pub send: SendPace,
    pub intake: IntakeSettings,
    pub limits: LimitSettings,
}

impl Settings {
    /// Reads and checks all of them.
    ///
    /// # Errors
    /// Every fault of every variable.
    pub fn read(mut environment: Environment) -> Result<Self, Faults> {
        let named = FormTypeSettings::read(&mut environment);
        let form_types = FormTypes::new(&named.names, &named.schemas).unwrap_or_else(|faults| {
            faults.iter().for_each(|(name, fault)| named.fault(&mut environment, name, fault));
            FormTypes::default()
        });
        let settings = Self {
            listen: ListenSettings::read(&mut environment, DEFAULT_PORT),
            log: LogSettings::read(&mut environment),
            metrics: MetricsSettings::read(&mut environment),
            stop: StopSettings::read(&mut environment),
            sqs: SqsSettings::read(&mut environment, &named.names),
            form_types,
            send: send::read(&mut environment),
            intake: IntakeSettings::read(&mut environment),
            limits: LimitSettings::read(&mut environment),
        };
        environment.finish(settings)
    }
}
