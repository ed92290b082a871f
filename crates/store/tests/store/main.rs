//! The store on a real PostgreSQL, a database for each test.

mod adoption;
mod batches;
mod concurrency;
mod discretion;
mod migrations;
mod outages;
mod outcomes;
mod rights;
mod support;
