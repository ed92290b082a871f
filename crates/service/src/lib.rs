//! The edges that all services share: settings from the environment, logging, signals, health and other pages.

pub mod settings;

pub mod logging;
pub mod must_live;
pub mod run;
pub mod stop;

pub mod backoff;
pub mod connections;
pub mod in_chunks;
pub mod open_files;
pub mod trace;

pub mod health;
pub mod healthcheck;
pub mod metrics;
pub mod page;

#[cfg(feature = "docs")]
pub mod docs;
mod process_memory;
pub mod status;
