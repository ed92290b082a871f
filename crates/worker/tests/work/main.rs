//! The real program, between a real queue and a real database.

mod settlement;

mod garbage;

mod outages;
mod schema;
mod settings;
mod stopping;
mod through;
