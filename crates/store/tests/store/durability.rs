//! What the store finds out about rows that PostgreSQL may lose.

use std::time::{Duration, Instant};

use store::{
    DurabilityRisk::{AsynchronousStandbys, NoFsync, WeakCommit},
    Store,
};
use test_kit::postgres::{Cluster, ClusterOptions, Shutdown, sql};

use crate::support::{fixture, store_on};

fn primary() -> Cluster {
    let mut options = ClusterOptions::that_replicates();
    options.settings.push(("fsync".to_owned(), "on".to_owned()));
    Cluster::throwaway(options).unwrap()
}

/// The role sees neither the state of standbys nor the query of another session.
fn store_of_a_role_without_rights(cluster: &Cluster) -> Store {
    let url = cluster.url("postgres");
    sql(&url, "CREATE ROLE form_worker LOGIN PASSWORD 'worker'").unwrap();
    let (_, address) = url.split_once('@').unwrap();
    store_on(&format!("postgres://form_worker:worker@{address}"), |_| {})
}

/// Replication states change a little after the command that changes them.
#[track_caller]
fn soon<T: PartialEq + std::fmt::Debug>(expected: T, look: impl Fn() -> T) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while look() != expected && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(look(), expected);
}

#[test]
fn fsync_off_and_a_weak_commit_are_risks() {
    let f = fixture();
    assert_eq!(f.store.durability().unwrap().risks(), [NoFsync]);
    for (value, risks) in [
        ("local", vec![NoFsync, WeakCommit("local".to_owned())]),
        ("remote_write", vec![NoFsync, WeakCommit("remote_write".to_owned())]),
        ("remote_apply", vec![NoFsync]),
        // The store turns it on for its own sessions.
        ("off", vec![NoFsync]),
    ] {
        let name = f.database.name();
        f.database.sql(&format!("ALTER DATABASE {name} SET synchronous_commit = {value}"));
        let store = store_on(&f.database.url(), |_| {});
        assert_eq!(store.durability().unwrap().risks(), risks, "{value}");
    }
}

#[test]
fn a_server_alone_has_no_risk_and_no_synchronous_standby() {
    let cluster = primary();
    let durability = store_on(&cluster.url("postgres"), |_| {}).durability().unwrap();
    assert_eq!(durability.risks(), []);
    assert_eq!(durability.no_synchronous_standby(), Some("synchronous_standby_names is empty"));
}

#[test]
fn standbys_are_a_risk_until_one_of_them_is_synchronous() {
    let cluster = primary();
    let url = cluster.url("postgres");
    let with_all_rights = store_on(&url, |_| {});
    let with_few_rights = store_of_a_role_without_rights(&cluster);
    let stores = [&with_all_rights, &with_few_rights];
    let risks = |store: &Store| store.durability().unwrap().risks();
    let missing = |store: &Store| store.durability().unwrap().no_synchronous_standby();

    let mut standby = cluster.replica().unwrap();
    for store in stores {
        soon(vec![AsynchronousStandbys(1)], || risks(store));
        assert_eq!(missing(store), Some("synchronous_standby_names is empty"));
    }

    sql(&url, "ALTER SYSTEM SET synchronous_standby_names = '*'").unwrap();
    sql(&url, "SELECT pg_reload_conf()").unwrap();
    for store in stores {
        soon(None, || missing(store));
        assert_eq!(risks(store), []);
    }

    standby.stop(Shutdown::Immediate);
    for store in stores {
        soon(Some("no synchronous standby is connected"), || missing(store));
        assert_eq!(risks(store), []);
    }
}

#[test]
fn a_probe_waits_for_the_synchronous_standby_as_a_row_does() {
    let cluster = primary();
    let url = cluster.url("postgres");
    let store = store_on(&url, |_| {});
    store.migrate().unwrap();
    let mut standby = cluster.replica().unwrap();
    sql(&url, "ALTER SYSTEM SET synchronous_standby_names = '*'").unwrap();
    sql(&url, "SELECT pg_reload_conf()").unwrap();
    soon(None, || store.durability().unwrap().no_synchronous_standby());
    assert_eq!(store.probe(), Ok(()));

    standby.stop(Shutdown::Immediate);
    std::thread::scope(|scope| {
        let probe = scope.spawn(|| store.probe());
        let waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
        soon("1".to_owned(), || sql(&url, waiting).unwrap());
        standby.start().unwrap();
        assert_eq!(probe.join().unwrap(), Ok(()));
    });
    assert_eq!(sql(&url, "SELECT count(*) FROM forms").unwrap(), "0");
}
