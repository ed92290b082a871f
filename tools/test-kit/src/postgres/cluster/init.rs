//! Creating a cluster.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
};

use super::{
    super::{
        PostgresError,
        programs::{self, Programs},
    },
    Cluster, ClusterOptions, Home,
};

impl Cluster {
    /// A cluster that is ready to start. It is created unless the directory has one.
    pub(super) fn prepare(
        home: Home,
        port: u16,
        options: ClusterOptions,
    ) -> Result<Self, PostgresError> {
        let programs = Programs::find()?;
        programs.give(home.path())?;
        programs.check_enterable(home.path())?;
        let password_file = home.path().join("password");
        let mut cluster =
            Self { programs, options, home, password: String::new(), port, server: None };
        if cluster.data().join("PG_VERSION").exists() {
            let io = PostgresError::io("read", &password_file);
            cluster.password = fs::read_to_string(&password_file).map_err(io)?;
        } else {
            cluster.password = format!("{:032x}", rand::random::<u128>());
            cluster.init(&password_file)?;
        }
        Ok(cluster)
    }

    fn init(&self, password_file: &Path) -> Result<(), PostgresError> {
        let data = self.data();
        // An interrupted initdb leaves a directory that is not a cluster.
        if data.exists() {
            fs::remove_dir_all(&data).map_err(PostgresError::io("remove", &data))?;
        }
        DirBuilder::new().mode(0o700).create(&data).map_err(PostgresError::io("make", &data))?;
        self.programs.give(&data)?;
        File::create(password_file)
            .and_then(|file| file.set_permissions(Permissions::from_mode(0o600)))
            .and_then(|()| fs::write(password_file, &self.password))
            .map_err(PostgresError::io("write", password_file))?;
        self.programs.give(password_file)?;

        let mut command = self.programs.as_server_user("initdb", false);
        command.args([
            "--username=postgres",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--locale=C",
            "--pwfile",
        ]);
        command.arg(password_file).arg("-D").arg(&data);
        if let Home::Throwaway(_) = self.home {
            command.arg("--no-sync");
        }
        match programs::run(&mut command, "initdb") {
            Ok(_) => Ok(()),
            Err(error) => {
                // initdb writes PG_VERSION first, so the next run would take this for a cluster.
                let _ = fs::remove_dir_all(&data);
                Err(error)
            }
        }
    }
}
