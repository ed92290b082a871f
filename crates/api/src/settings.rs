//! The settings of the intake, one struct per concern.

mod intake;
mod limits;
mod send;

use queue::{
    SendPace,
    settings::{ServedForms, SqsSettings},
};
use service::settings::{
    Environment, Faults, ListenSettings, LogSettings, MetricsSettings, SettingsReport, StopSettings,
};

pub use self::{intake::IntakeSettings, limits::LimitSettings};

pub const DEFAULT_PORT: u16 = 8000;

/// Everything that the intake reads from its environment.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The variables as they were read.
    pub report: SettingsReport,
    pub listen: ListenSettings,
    pub log: LogSettings,
    pub metrics: MetricsSettings,
    pub stop: StopSettings,
    pub forms: ServedForms,
    pub sqs: SqsSettings,
    pub send: SendPace,
    pub intake: IntakeSettings,
    pub limits: LimitSettings,
    /// Whether `/docs/` and `/openapi.json` are there.
    pub docs: bool,
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

    /// Warns of settings that are allowed and probably not meant.
    pub fn warn(&self) {
        self.report.warn();
        self.intake.warn_of_short_secrets();
    }

    /// The table of all variables for the reference page.
    pub fn reference() -> String {
        let mut environment = Environment::default();
        Self::read_from(&mut environment);
        environment.reference()
    }

    fn read_from(environment: &mut Environment) -> Self {
        Self {
            report: SettingsReport::default(),
            listen: ListenSettings::read(environment, DEFAULT_PORT),
            log: LogSettings::read(environment),
            metrics: MetricsSettings::read(environment),
            stop: StopSettings::read(environment),
            forms: ServedForms::read(environment),
            sqs: SqsSettings::read(environment),
            send: send::read(environment),
            intake: IntakeSettings::read(environment),
            limits: LimitSettings::read(environment),
            docs: environment.either(
                "DOCS",
                [("on", true), ("off", false)],
                "Whether the api describes itself to everybody at `/docs/` and `/openapi.json`.",
            ),
        }
    }
}
