//! The settings of the intake, one struct per concern.

mod intake;
mod limits;
mod send;

use process::settings::{Environment, Faults, ListenSettings, LogSettings, SqsSettings, StopSettings};
use queue::SendPace;

pub use self::{intake::IntakeSettings, limits::LimitSettings};

const DEFAULT_PORT: u16 = 8000;

/// Everything that the intake takes from its environment.
#[derive(Clone, Debug)]
pub struct Settings {
    pub listen: ListenSettings,
    pub log: LogSettings,
    pub stop: StopSettings,
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
        let settings = Self {
            listen: ListenSettings::read(&mut environment, DEFAULT_PORT),
            log: LogSettings::read(&mut environment),
            stop: StopSettings::read(&mut environment),
            sqs: SqsSettings::read(&mut environment),
            send: send::read(&mut environment),
            intake: IntakeSettings::read(&mut environment),
            limits: LimitSettings::read(&mut environment),
        };
        environment.finish(settings)
    }
}
