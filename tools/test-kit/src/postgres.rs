//! PostgreSQL for tests: throwaway clusters, and a database for each test.
//!
//! `with-postgres cargo nextest run` starts one cluster for all tests, and each test makes a
//! [`TestDatabase`] of its own in it. A test that stops or kills the server starts a [`Cluster`] of
//! its own. `make local` keeps its cluster.

mod cluster;
mod database;
mod error;
mod pgbouncer;
mod programs;
mod way_back;

pub use cluster::{Cluster, ClusterOptions, Shutdown};
pub use database::{TableLock, TestDatabase, sql, sql_file};
pub use error::PostgresError;
pub use pgbouncer::PgBouncer;
pub use way_back::way_back;

#[cfg(test)]
mod tests;
