//! A server with the roles of a careful deployment.

use std::process::{Command, Output};

use test_kit::{
    postgres::{Cluster, ClusterOptions, sql},
    program::path_of,
};

const DATABASE: &str = "forms";
pub(super) const DENIED: &str = "42501";

const ROLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/postgres/roles.sql");
const ROLES_OF_THE_LAST_RELEASE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/work/restricted_role/roles-of-the-last-release.sql"
);

/// A cluster of its own, because roles belong to a cluster and not to a database.
pub(super) struct Server(Cluster);

impl Server {
    pub(super) fn start() -> Self {
        let cluster = Cluster::throwaway(ClusterOptions::default()).unwrap();
        sql(&cluster.url("postgres"), &format!("create database {DATABASE}")).unwrap();
        Self(cluster)
    }

    pub(super) fn admin(&self, statements: &str) -> String {
        sql(&self.0.url(DATABASE), statements).unwrap()
    }

    pub(super) fn url_as(&self, role: &str) -> String {
        format!("postgres://{role}:{role}@127.0.0.1:{}/{DATABASE}", self.0.port())
    }

    /// Runs the script as an operator does, and then sets the passwords.
    pub(super) fn make_roles(&self) {
        self.run(ROLES);
        self.set_passwords(&[
            "form_migrator",
            "form_worker",
            "form_operator",
            "form_analyst",
            "form_reader",
            "form_manager",
        ]);
    }

    pub(super) fn make_roles_of_the_last_release(&self) {
        self.run(ROLES_OF_THE_LAST_RELEASE);
        self.set_passwords(&["form_migrator", "form_worker", "form_operator"]);
    }

    fn run(&self, script: &str) {
        let output = psql(&self.0.url(DATABASE), &["-f", script]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && !errors.contains("WARNING"), "{errors}");
    }

    fn set_passwords(&self, roles: &[&str]) {
        for role in roles {
            self.admin(&format!("alter role {role} password '{role}'"));
        }
    }

    pub(super) fn migrate(&self) {
        self.migrate_as(&self.url_as("form_migrator"));
    }

    /// Lets the superuser migrate.
    pub(super) fn migrate_as_admin(&self) {
        self.migrate_as(&self.0.url(DATABASE));
    }

    fn migrate_as(&self, url: &str) {
        let output = Command::new(path_of("worker"))
            .arg("migrate")
            .env_clear()
            .env("DATABASE_URL", url)
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// The SQLSTATE with which PostgreSQL refuses this role's statement; empty if it succeeds.
    pub(super) fn refusal(&self, role: &str, statement: &str) -> String {
        let output =
            psql(&self.url_as(role), &["--set=VERBOSITY=sqlstate", "--command", statement]);
        let error = String::from_utf8(output.stderr).unwrap();
        error.trim().strip_prefix("ERROR:").unwrap_or(&error).trim().to_owned()
    }
}

pub(super) fn psql(url: &str, arguments: &[&str]) -> Output {
    Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--dbname", url])
        .args(arguments)
        .output()
        .unwrap()
}
