//! A PostgreSQL cluster of our own.

mod init;
mod replica;

use std::{
    fs::{self, File},
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;

use super::{
    PostgresError,
    programs::{self, Programs},
};

const START_LIMIT: Duration = Duration::from_secs(60);

/// Settings of a throwaway cluster: fast, and unsafe in a crash of the machine.
const THROWAWAY: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("full_page_writes", "off"),
    ("wal_level", "minimal"),
    ("max_wal_senders", "0"),
    ("max_connections", "300"),
];

/// A running server on 127.0.0.1 with a superuser `postgres`. On drop it is stopped, and a
/// throwaway cluster is removed.
///
/// If root starts it, the server runs as user postgres, because PostgreSQL refuses to run as root.
/// The password is random, so that other users of the machine cannot connect.
#[derive(Debug)]
pub struct Cluster {
    programs: Programs,
    options: ClusterOptions,
    home: Home,
    password: String,
    port: u16,
    server: Option<Child>,
}

#[derive(Clone, Debug, Default)]
pub struct ClusterOptions {
    /// Settings of the server that override ours: `("fsync", "on")` for a test of durability.
    pub settings: Vec<(String, String)>,
    /// Stops the server when the thread that started it ends in any way, even by `kill -9`. Only
    /// on Linux.
    pub stop_with_thread: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// The server rolls back open transactions and writes everything.
    Fast,
    /// The server ends as in a crash: the next start recovers from its log.
    Immediate,
}

#[derive(Debug)]
enum Home {
    Throwaway(TempDir),
    Kept(PathBuf),
}

impl Cluster {
    /// A fresh cluster on a free port, without fsync and with room for 300 connections.
    pub fn throwaway(options: ClusterOptions) -> Result<Self, PostgresError> {
        let home = tempfile::Builder::new()
            .prefix("postgres-")
            .tempdir()
            .map_err(PostgresError::io("make a directory in", std::env::temp_dir()))?;
        let mut cluster = Self::prepare(Home::Throwaway(home), 0, options)?;
        // Another process may take the free port before the server does.
        for _ in 0..2 {
            cluster.port = free_port()?;
            if cluster.start().is_ok() {
                return Ok(cluster);
            }
        }
        cluster.port = free_port()?;
        cluster.start()?;
        Ok(cluster)
    }

    /// The cluster that is kept in this directory, with fsync on. It is created if it does not
    /// exist.
    pub fn open(directory: &Path, port: u16) -> Result<Self, PostgresError> {
        Self::open_with(directory, port, ClusterOptions::default())
    }

    /// [`Cluster::open`] with options.
    pub fn open_with(
        directory: &Path,
        port: u16,
        options: ClusterOptions,
    ) -> Result<Self, PostgresError> {
        let io = PostgresError::io("make", directory);
        fs::create_dir_all(directory).and_then(|()| directory.canonicalize()).map_err(io).and_then(
            |directory| {
                let mut cluster = Self::prepare(Home::Kept(directory), port, options)?;
                cluster.start()?;
                Ok(cluster)
            },
        )
    }

    /// Starts the server, unless it runs, and waits until it accepts connections.
    pub fn start(&mut self) -> Result<(), PostgresError> {
        if self.server.is_some() {
            return Ok(());
        }
        if let Some(pid) = self.foreign_server() {
            return Err(PostgresError::AlreadyRunning { directory: self.data(), pid });
        }
        let log_path = self.home.path().join("server.log");
        let log = File::options()
            .create(true)
            .append(true)
            .open(&log_path)
            .map_err(PostgresError::io("open", &log_path))?;
        let errors = log.try_clone().map_err(PostgresError::io("open", &log_path))?;

        let mut command = self.programs.as_server_user("postgres", self.options.stop_with_thread);
        command.arg("-D").arg(self.data());
        for (name, value) in self.settings() {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        // A process group of its own: Ctrl-C must not reach the server, because our programs still
        // use it while they stop.
        command.stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0);
        let mut server = command.spawn().map_err(PostgresError::io("run", "postgres"))?;

        let deadline = Instant::now() + START_LIMIT;
        while !self.is_ready(server.id()) {
            let has_ended = !matches!(server.try_wait(), Ok(None));
            if has_ended || Instant::now() > deadline {
                self.end(&mut server, Shutdown::Immediate);
                let log = fs::read_to_string(&log_path).unwrap_or_default();
                return Err(PostgresError::Failed {
                    program: "postgres",
                    output: programs::last_lines(&log),
                });
            }
            thread::sleep(Duration::from_millis(10));
        }
        self.server = Some(server);
        Ok(())
    }

    /// Stops the server, if it runs, and waits for its end.
    pub fn stop(&mut self, shutdown: Shutdown) {
        if let Some(mut server) = self.server.take() {
            self.end(&mut server, shutdown);
        }
    }

    /// Stops the server and starts it on the same port.
    pub fn restart(&mut self, shutdown: Shutdown) -> Result<(), PostgresError> {
        self.stop(shutdown);
        self.start()
    }

    /// Settings for the next start, instead of those of the options.
    pub fn set(&mut self, settings: Vec<(String, String)>) {
        self.options.settings = settings;
    }

    /// The superuser's URL of a database. The database `postgres` always exists.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{}@127.0.0.1:{}/{database}", self.password, self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id of the server while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.server.as_ref().map(Child::id)
    }

    /// The log of the server.
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("server.log")).unwrap_or_default()
    }

    fn settings(&self) -> Vec<(String, String)> {
        let port = self.port.to_string();
        let mut settings: Vec<(&str, &str)> = vec![
            ("listen_addresses", "127.0.0.1"),
            ("port", &port),
            ("unix_socket_directories", ""),
        ];
        if let Home::Throwaway(_) = self.home {
            settings.extend(THROWAWAY);
        }
        let ours = settings.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        // The server uses the last of two values.
        ours.chain(self.options.settings.iter().cloned()).collect()
    }

    fn data(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Whether the server accepts connections. It writes its process id to the first line of this
    /// file and its state to the eighth, where pg_ctl looks too.
    fn is_ready(&self, pid: u32) -> bool {
        let file = fs::read_to_string(self.data().join("postmaster.pid")).unwrap_or_default();
        let mut lines = file.lines().map(str::trim);
        lines.next() == Some(&pid.to_string()) && matches!(lines.nth(6), Some("ready" | "standby"))
    }

    /// The process id of a server that uses the data directory and is not ours.
    fn foreign_server(&self) -> Option<u32> {
        let mut status = self.programs.as_server_user("pg_ctl", false);
        programs::run(status.arg("status").arg("-D").arg(self.data()), "pg_ctl").ok()?;
        let file = fs::read_to_string(self.data().join("postmaster.pid")).ok()?;
        file.lines().next()?.trim().parse().ok()
    }

    fn end(&self, server: &mut Child, shutdown: Shutdown) {
        let mode = match shutdown {
            Shutdown::Fast => "fast",
            Shutdown::Immediate => "immediate",
        };
        if let Ok(None) = server.try_wait() {
            let mut stop = self.programs.as_server_user("pg_ctl", false);
            let stop = stop
                .args(["stop", "--wait", "--timeout=60", "--mode", mode, "-D"])
                .arg(self.data());
            if programs::run(stop, "pg_ctl").is_err() {
                let _ = server.kill();
            }
        }
        let _ = server.wait();
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop(match self.home {
            Home::Throwaway(_) => Shutdown::Immediate,
            Home::Kept(_) => Shutdown::Fast,
        });
    }
}

impl Home {
    fn path(&self) -> &Path {
        match self {
            Self::Throwaway(directory) => directory.path(),
            Self::Kept(directory) => directory,
        }
    }
}

/// Below the ports that the system gives to connections and to listeners on port 0: while a server is
/// stopped, one of those could take its port, and it could not start again.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

fn free_port() -> Result<u16, PostgresError> {
    let mut last = None;
    for _ in 0..100 {
        let port = PORTS.start + rand::random::<u16>() % (PORTS.end - PORTS.start);
        match TcpListener::bind(("127.0.0.1", port)) {
            Ok(_) => return Ok(port),
            Err(error) => last = Some(error),
        }
    }
    let error = last.unwrap_or_else(|| std::io::ErrorKind::AddrInUse.into());
    Err(PostgresError::io("listen on", "127.0.0.1")(error))
}
