//! A standby that streams from another cluster.

use super::{
    super::{
        PostgresError,
        programs::{self, Programs},
    },
    Cluster, ClusterOptions, Home, free_port,
};

/// Settings that a primary and its standby need beyond those of a throwaway cluster.
const REPLICATES: &[(&str, &str)] = &[("wal_level", "replica"), ("max_wal_senders", "4")];

impl ClusterOptions {
    /// With these settings a cluster can have a standby.
    pub fn that_replicates() -> Self {
        let settings = REPLICATES.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Self { settings: settings.collect(), ..Self::default() }
    }
}

impl Cluster {
    /// A running standby of this cluster, which was made with [`ClusterOptions::that_replicates`].
    /// On drop it is stopped and removed.
    pub fn replica(&self) -> Result<Self, PostgresError> {
        let home = tempfile::Builder::new()
            .prefix("standby-")
            .tempdir()
            .map_err(PostgresError::io("make a directory in", std::env::temp_dir()))?;
        let programs = Programs::find()?;
        programs.give(home.path())?;
        let mut standby = Self {
            programs,
            // A standby refuses to start with smaller limits than its primary has.
            options: self.options.clone(),
            home: Home::Throwaway(home),
            password: self.password.clone(),
            port: free_port()?,
            server: None,
        };
        let mut copy = standby.programs.as_server_user("pg_basebackup", false);
        copy.env("PGPASSWORD", &self.password)
            .args(["--host=127.0.0.1", "--username=postgres", "--write-recovery-conf"])
            .args(["--checkpoint=fast", "--no-sync", "--port", &self.port.to_string()])
            .arg("--pgdata")
            .arg(standby.data());
        programs::run(&mut copy, "pg_basebackup")?;
        standby.start()?;
        Ok(standby)
    }
}
