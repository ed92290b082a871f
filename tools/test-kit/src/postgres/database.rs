//! A database for one test.
#![expect(clippy::expect_used, clippy::panic, reason = "a test cannot go on without its database")]
#![expect(
    clippy::disallowed_methods,
    reason = "not a service's setting: with-postgres sets it for the tests"
)]

use std::{env, thread, time::Duration};

use super::{
    PostgresError,
    programs::{psql, run},
};

const SERVER: &str = "TEST_POSTGRES_URL";

/// An empty database on the server at `TEST_POSTGRES_URL`, which is a superuser's URL. On drop the
/// database is removed, even if programs are still connected to it.
#[derive(Debug)]
pub struct TestDatabase {
    server: String,
    name: String,
}

impl TestDatabase {
    /// # Panics
    /// The variable is unset, or the server refuses.
    pub fn create() -> Self {
        let server = env::var(SERVER).unwrap_or_else(|_| {
            panic!("{SERVER} is not set: run `make test`, or put with-postgres before the command")
        });
        let name = format!("test_{:016x}", rand::random::<u64>());
        sql(&server, &format!("CREATE DATABASE {name}")).expect("a database for the test");
        Self { server, name }
    }

    /// Its URL for the superuser.
    pub fn url(&self) -> String {
        let (before_query, query) = match self.server.split_once('?') {
            Some((before, query)) => (before, format!("?{query}")),
            None => (self.server.as_str(), String::new()),
        };
        let authority_end = before_query.find("://").map_or(0, |at| at + 3);
        let (scheme, rest) = before_query.split_at(authority_end);
        let authority = rest.split('/').next().unwrap_or_default();
        format!("{scheme}{authority}/{}{query}", self.name)
    }

    /// Its URL for another user.
    pub fn url_as(&self, user: &str, password: &str) -> String {
        let url = self.url();
        match url
            .split_once("://")
            .map(|(scheme, rest)| (scheme, rest.split_once('@').map_or(rest, |(_, rest)| rest)))
        {
            Some((scheme, rest)) => format!("{scheme}://{user}:{password}@{rest}"),
            None => url,
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs SQL as the superuser and gives the output of psql: a line for each row, with `|`
    /// between columns.
    ///
    /// # Panics
    /// The SQL fails.
    pub fn sql(&self, statements: &str) -> String {
        self.try_sql(statements).expect("a test's own SQL")
    }

    /// [`TestDatabase::sql`] for SQL that may fail.
    pub fn try_sql(&self, statements: &str) -> Result<String, PostgresError> {
        sql(&self.url(), statements)
    }

    /// Locks a table against everybody else, until the lock is dropped.
    pub fn lock(&self, table: &str) -> TableLock<'_> {
        let (url, statements) =
            (self.url(), format!("begin; lock table {table}; select pg_sleep(600)"));
        // It ends with an error, because dropping the lock terminates its connection.
        let holding = thread::spawn(move || drop(sql(&url, &statements)));
        let lock = TableLock { database: self, table: table.to_owned(), holding: Some(holding) };
        while lock.holder().is_empty() {
            thread::sleep(Duration::from_millis(20));
        }
        lock
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Err(error) =
            sql(&self.server, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name))
        {
            eprintln!("cannot drop database {}: {error}", self.name);
        }
    }
}

/// A locked table.
#[derive(Debug)]
#[must_use = "dropping this unlocks the table"]
pub struct TableLock<'a> {
    database: &'a TestDatabase,
    table: String,
    holding: Option<thread::JoinHandle<()>>,
}

impl TableLock<'_> {
    /// The process id of the session that has the lock; empty while it waits for the lock.
    fn holder(&self) -> String {
        self.database.sql(&format!(
            "select pid from pg_locks where relation = '{}'::regclass and mode = 'AccessExclusiveLock' and granted",
            self.table
        ))
    }
}

impl Drop for TableLock<'_> {
    fn drop(&mut self) {
        self.database.sql(&format!("select pg_terminate_backend({})", self.holder()));
        let _ended = self.holding.take().map(thread::JoinHandle::join);
    }
}

/// Runs SQL at a URL and gives the output of psql: a line for each row, with `|` between columns.
pub fn sql(url: &str, statements: &str) -> Result<String, PostgresError> {
    run_psql(url, ["--command", statements])
}

/// Runs a script of psql, as an operator does.
///
/// # Errors
/// psql is missing, or the server refuses.
pub fn sql_file(url: &str, file: &str) -> Result<String, PostgresError> {
    run_psql(url, ["--file", file])
}

fn run_psql(url: &str, what: [&str; 2]) -> Result<String, PostgresError> {
    let mut command = psql();
    command.args([
        "--no-psqlrc",
        "--no-password",
        "--quiet",
        "--no-align",
        "--tuples-only",
        "--set=ON_ERROR_STOP=1",
    ]);
    // Other users of the machine can read the arguments of a process, but not its environment.
    let (url, password) = without_password(url);
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    command.args(["--dbname", &url]).args(what);
    run(&mut command, "psql").map(|output| output.trim_end_matches('\n').to_owned())
}

/// Takes the password out of a URL, unless it is percent-encoded.
fn without_password(url: &str) -> (String, Option<&str>) {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let (credentials, rest) = rest.split_once('@')?;
        let (user, password) = credentials.split_once(':')?;
        (!password.contains('%')).then(|| (format!("{scheme}://{user}@{rest}"), password))
    });
    match parts {
        Some((url, password)) => (url, Some(password)),
        None => (url.to_owned(), None),
    }
}
