//! What every service does at its edges: settings from the environment, logging, signals, health.

pub mod settings;

pub mod logging;
pub mod run;
pub mod stop;

pub mod backoff;

pub mod health;
