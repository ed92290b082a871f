//! Settings from environment variables: read once, every fault reported together, no value ever shown.
//!
//! One struct per concern reads its variables from an [`Environment`] by name. Each call names a variable once, with
//! its default, the values it may have and its meaning; the reference page is made from these calls.

mod environment;
mod read;
mod report;
mod unknown;
mod variable;

mod listen;
mod log;
mod metrics;
mod stopping;

pub use self::{
    environment::{Environment, Faults},
    listen::ListenSettings,
    log::{LogFormat, LogSettings},
    metrics::MetricsSettings,
    read::is_http_url,
    report::SettingsReport,
    stopping::StopSettings,
    unknown::UnknownVariable,
    variable::Variable,
};
