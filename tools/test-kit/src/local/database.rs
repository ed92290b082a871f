//! The PostgreSQL of the local run. It keeps its rows.

use std::{fs, path::PathBuf};

use anyhow::bail;

use super::setup::Setup;
use crate::postgres::{Cluster, ClusterOptions, PostgresError, sql};

/// The database of the rows, named as in the default of `DATABASE_URL`.
const NAME: &str = "directory-form-data";

pub struct Database {
    cluster: Cluster,
    /// Where the rows are kept.
    pub directory: PathBuf,
}

impl Database {
    pub fn open(setup: &Setup) -> anyhow::Result<Self> {
        let options = ClusterOptions {
            stop_with_thread: cfg!(target_os = "linux"),
            ..ClusterOptions::default()
        };
        let port = setup.ports().postgres;
        let mut directory = setup.directory().join("postgres");
        let cluster = match Cluster::open_with(&directory, port, options.clone()) {
            // We are root, so the server runs as user postgres, and the checkout is in a private
            // directory that postgres cannot enter.
            Err(PostgresError::NotEnterable(_)) => {
                let _ = fs::remove_dir(&directory);
                directory = setup.public_directory();
                Cluster::open_with(&directory, port, options)
            }
            other => other,
        };
        let database = match cluster {
            Ok(cluster) => Self { cluster, directory },
            Err(PostgresError::AlreadyRunning { .. }) => {
                bail!("it already runs for this directory")
            }
            Err(error) => {
                return Err(anyhow::Error::new(error).context("PostgreSQL does not start"));
            }
        };
        database.create_if_missing()?;
        Ok(database)
    }

    pub fn url(&self) -> String {
        self.cluster.url(NAME)
    }

    fn create_if_missing(&self) -> anyhow::Result<()> {
        let server = self.cluster.url("postgres");
        let found = sql(&server, &format!("select 1 from pg_database where datname = '{NAME}'"))?;
        if found.is_empty() {
            sql(&server, &format!("create database \"{NAME}\""))?;
        }
        Ok(())
    }
}
