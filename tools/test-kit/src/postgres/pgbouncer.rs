//! A real PgBouncer in front of a database.
#![expect(
    clippy::disallowed_methods,
    reason = "not a service's setting: `make test` sets it for the tests"
)]

use std::{
    env, fs,
    net::{TcpListener, TcpStream},
    os::unix::fs::{MetadataExt, PermissionsExt},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// A running PgBouncer on 127.0.0.1, which asks for no password. On drop it is stopped.
#[derive(Debug)]
pub struct PgBouncer {
    home: TempDir,
    process: Child,
    port: u16,
    database: String,
}

impl PgBouncer {
    /// Starts it with this `pool_mode`, and with at most two connections to the database at this
    /// URL.
    ///
    /// # Panics
    /// `TEST_PGBOUNCER` is unset and there is none on this machine, or it does not start.
    pub fn before(url: &str, pool_mode: &str) -> Self {
        let program =
            env::var("TEST_PGBOUNCER").unwrap_or_else(|_| "/usr/sbin/pgbouncer".to_owned());
        let parts = url.split_once("://").and_then(|(_, rest)| {
            let (credentials, rest) = rest.split_once('@')?;
            let (user, password) = credentials.split_once(':')?;
            let (address, database) = rest.split_once('/')?;
            let (host, port) = address.split_once(':')?;
            Some((user, password, host, port, database))
        });
        let (user, password, host, server_port, database) = parts.expect("a whole URL");
        let port = TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let home = tempfile::Builder::new().prefix("pgbouncer-").tempdir().expect("a directory");
        let file = home.path().join("pgbouncer.ini");
        let settings = format!(
            "[databases]\n* = host={host} port={server_port} user={user} password={password}\n\
             [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
             auth_type = any\npool_mode = {pool_mode}\ndefault_pool_size = 2\nmax_client_conn = 200\n"
        );
        fs::write(&file, settings).expect("a configuration");
        // If root starts it, it becomes user postgres, who must be able to read this.
        for path in [home.path(), &file] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("our own file");
        }
        let mut command = Command::new(&program);
        if fs::metadata(&file).expect("our own file").uid() == 0 {
            command.args(["-u", "postgres"]);
        }
        let log = fs::File::create(home.path().join("log")).expect("a log");
        let process = command.arg("-q").arg(&file).stdin(Stdio::null()).stderr(log).spawn();
        let process = process.unwrap_or_else(|error| {
            panic!("cannot start {program}: {error}. Run `make test`, or set TEST_PGBOUNCER")
        });
        let bouncer = Self { home, process, port, database: database.to_owned() };
        let deadline = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "PgBouncer does not start: {}", bouncer.log());
            thread::sleep(Duration::from_millis(20));
        }
        bouncer
    }

    /// The database through PgBouncer.
    pub fn url(&self) -> String {
        format!("postgres://anybody@127.0.0.1:{}/{}", self.port, self.database)
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("log")).unwrap_or_default()
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
