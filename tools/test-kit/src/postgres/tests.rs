use std::{
    fs,
    os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt},
};

use super::*;

#[test]
fn a_kept_cluster_keeps_its_rows_and_its_password() {
    let directory = tempfile::tempdir().unwrap();
    let home = directory.path().join("kept");
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let url = {
        let mut cluster = Cluster::open(&home, free_port()).unwrap();
        let url = cluster.url("postgres");
        sql(&url, "CREATE TABLE kept AS SELECT 42 AS answer").unwrap();
        assert_eq!(sql(&url, "SHOW fsync").unwrap(), "on");

        let running = cluster.pid().unwrap();
        let error = Cluster::open(&home, free_port()).unwrap_err();
        assert!(
            matches!(error, PostgresError::AlreadyRunning { pid, .. } if pid == running),
            "{error}"
        );

        cluster.restart(Shutdown::Immediate).unwrap();
        assert_eq!(sql(&url, "SELECT answer FROM kept").unwrap(), "42");
        url
    };
    assert!(sql(&url, "SELECT 1").is_err(), "it still runs after drop");

    let port = url.rsplit([':', '/']).nth(1).unwrap().parse().unwrap();
    let cluster = Cluster::open(&home, port).unwrap();
    assert_eq!(cluster.url("postgres"), url);
    assert_eq!(sql(&url, "SELECT answer FROM kept").unwrap(), "42");
}

#[test]
fn a_throwaway_cluster_uses_our_settings_and_is_removed_on_drop() {
    let options = ClusterOptions {
        settings: vec![("fsync".to_owned(), "on".to_owned())],
        ..ClusterOptions::default()
    };
    let cluster = Cluster::throwaway(options).unwrap();
    let url = cluster.url("postgres");
    assert_eq!(sql(&url, "SHOW fsync").unwrap(), "on");
    assert_eq!(sql(&url, "SHOW max_connections").unwrap(), "300");
    let data = sql(&url, "SHOW data_directory").unwrap();
    let without_password = format!("postgres://postgres@127.0.0.1:{}/postgres", cluster.port());
    assert!(sql(&without_password, "SELECT 1").unwrap_err().to_string().contains("password"));
    drop(cluster);
    assert!(sql(&url, "SELECT 1").is_err());
    assert!(!fs::exists(data).unwrap());
}

#[test]
fn the_error_names_a_setting_that_postgresql_refuses() {
    let settings = vec![("shared_buffers".to_owned(), "lots".to_owned())];
    let error =
        Cluster::throwaway(ClusterOptions { settings, ..ClusterOptions::default() }).unwrap_err();
    assert!(error.to_string().contains("shared_buffers"), "{error}");
}

#[test]
fn the_error_names_a_directory_that_user_postgres_cannot_enter() {
    let home = tempfile::tempdir().unwrap();
    let private = home.path().join("private");
    fs::DirBuilder::new().mode(0o700).create(&private).unwrap();
    if fs::metadata(&private).unwrap().uid() != 0 {
        return; // Only root runs the server as another user.
    }
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let error = Cluster::open(&private.join("checkout/.local"), free_port()).unwrap_err();
    assert!(
        matches!(&error, PostgresError::NotEnterable(directory) if *directory == private),
        "{error}"
    );
    assert!(error.to_string().contains(&private.display().to_string()));
}

#[test]
fn each_test_database_is_separate_and_is_removed_on_drop() {
    let [one, two] = [TestDatabase::create(), TestDatabase::create()];
    one.sql("CREATE TABLE mine (n int)");
    assert_eq!(two.sql("SELECT to_regclass('mine') IS NULL"), "t");
    assert!(two.try_sql("SELECT * FROM mine").unwrap_err().to_string().contains("does not exist"));
    let url = one.url();
    assert_eq!(sql(&url, "SELECT current_database()").unwrap(), one.name());
    drop(one);
    assert!(sql(&url, "SELECT 1").unwrap_err().to_string().contains("does not exist"));
}

fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
