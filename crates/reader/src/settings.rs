//! The settings of the reader, one struct per concern.

mod access;
mod database;
mod limits;
mod pages;
mod streams;

use service::settings::{
    Environment, Faults, ListenSettings, LogSettings, MetricsSettings, SettingsReport, StopSettings,
};

pub use self::{
    access::{AccessSettings, Scheme},
    database::DatabaseSettings,
    limits::LimitSettings,
    pages::PageSettings,
    streams::StreamSettings,
};

pub const DEFAULT_PORT: u16 = 8002;

/// Everything that the reader reads from its environment.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The variables as they were read.
    pub report: SettingsReport,
    pub listen: ListenSettings,
    pub log: LogSettings,
    pub metrics: MetricsSettings,
    pub stop: StopSettings,
    pub database: DatabaseSettings,
    pub access: AccessSettings,
    pub pages: PageSettings,
    pub streams: StreamSettings,
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
        self.database.warn();
        self.access.warn();
    }

    /// The table of all variables for the reference page.
    pub fn reference() -> String {
        let mut environment = Environment::default();
        Self::read_from(&mut environment);
        environment.reference()
    }

    fn read_from(environment: &mut Environment) -> Self {
        let listen = ListenSettings::read(environment, DEFAULT_PORT);
        let (log, metrics) = (LogSettings::read(environment), MetricsSettings::read(environment));
        let stop = StopSettings::read(environment);
        Self {
            report: SettingsReport::default(),
            database: DatabaseSettings::read(environment),
            access: AccessSettings::read(environment, &listen),
            pages: PageSettings::read(environment),
            streams: StreamSettings::read(environment, &stop),
            limits: LimitSettings::read(environment),
            docs: environment.either(
                "DOCS",
                [("on", true), ("off", false)],
                "Whether the reader describes itself to everybody at `/docs/` and `/openapi.json`. The pages about errors are always there.",
            ),
            listen,
            log,
            metrics,
            stop,
        }
    }
}
