//! The real program over real HTTP, with a real queue behind it.

mod raw;

mod contract;

mod acknowledging;
mod health;
mod limits;
mod logs;
mod settings;
mod stopping;
