//! Clients, their keys and their scopes.

use std::{collections::BTreeSet, thread};

use diesel::connection::SimpleConnection;
use store::{EndedKey, NewClient, NewKey, NewScope, RotatedKey, StoredClient, Unavailable};

use crate::support::{Fixture, fixture};

const CIPHERTEXT: &[u8] = &[7; 40];

fn key(id: &str) -> NewKey<'_> {
    NewKey { id, ciphertext: CIPHERTEXT, imported: false }
}

fn scope(pattern: &str, columns: Option<&[&str]>) -> NewScope {
    let columns = columns.map(|columns| columns.iter().map(|name| (*name).to_owned()).collect());
    NewScope { pattern: pattern.to_owned(), columns }
}

fn add_with(
    f: &Fixture,
    id: &str,
    key: NewKey<'_>,
    scopes: &[NewScope],
) -> Result<bool, Unavailable> {
    let client = NewClient { id, description: "for tests", key, scopes };
    f.store.add_client(&client, "somebody")
}

/// Adds a client with the key `<id>key00001`.
fn add(f: &Fixture, id: &str) -> bool {
    add_with(f, id, key(&format!("{id}key00001")), &[scope("submissions/*", None)]).unwrap()
}

fn only(f: &Fixture) -> StoredClient {
    let mut clients = f.store.clients().unwrap();
    assert_eq!(clients.len(), 1);
    clients.remove(0)
}

#[test]
fn a_client_is_read_as_it_was_added() {
    let f = fixture();
    assert_eq!(f.store.clients(), Ok(vec![]));
    let scopes =
        [scope("org.ds/L0", Some(&["id", "a,b", "\"é\"", "{}"])), scope("submissions/*", None)];
    let imported = NewKey { imported: true, ..key("abcdefgh") };
    assert_eq!(add_with(&f, "pipeline", imported, &scopes), Ok(true));

    let client = only(&f);
    assert_eq!(
        (client.id.as_str(), client.description.as_str(), client.created_by.as_str()),
        ("pipeline", "for tests", "somebody")
    );
    assert_eq!(client.disabled_at, None);
    let [read] = &client.keys[..] else { panic!("{client:?}") };
    assert_eq!((read.id.as_str(), read.imported, read.is_live()), ("abcdefgh", true, true));
    assert_eq!((read.ciphertext.as_slice(), read.created_by.as_str()), (CIPHERTEXT, "somebody"));
    assert_eq!((read.ended_at, read.last_used_at), (None, None));
    let read: Vec<NewScope> = client
        .scopes
        .iter()
        .map(|s| NewScope { pattern: s.pattern.clone(), columns: s.columns.clone() })
        .collect();
    assert_eq!(read, scopes);
    assert!(!format!("{client:?}").contains("7, 7"), "{client:?}");
}

#[test]
fn an_id_that_exists_is_not_added_again_and_changes_nothing() {
    let f = fixture();
    assert!(add(&f, "a"));
    let before = only(&f);
    assert_eq!(add_with(&f, "a", key("otherkey"), &[scope("*/*", None)]), Ok(false));
    assert_eq!(only(&f), before);
    assert_eq!(f.database.sql("SELECT count(*) FROM client_keys"), "1");
}

#[test]
fn an_id_that_has_no_place_in_a_header_is_refused() {
    let f = fixture();
    for id in ["", "a b", "a\"b", "a:b", "a\\b", "é", "a\n", &"x".repeat(101)] {
        let refused = add_with(&f, id, key("abcdefgh"), &[]);
        assert!(refused.is_err(), "{id:?}");
    }
    for (n, id) in
        ["a", "A.b_c-d@e/f", "!#$%&'()*+,;<=>?[]^`{|}~", &"x".repeat(100)].iter().enumerate()
    {
        assert_eq!(add_with(&f, id, key(&format!("abcdefg{n}")), &[]), Ok(true), "{id}");
    }
}

#[test]
fn a_client_has_two_live_keys_at_most() {
    let f = fixture();
    assert!(add(&f, "a"));
    let rotate = |id| f.store.add_key("a", key(id), "somebody").unwrap();
    assert_eq!(rotate("second00"), RotatedKey::Added);
    assert_eq!(rotate("third000"), RotatedKey::TooMany);
    assert_eq!(f.store.add_key("b", key("third000"), "x"), Ok(RotatedKey::UnknownClient));

    assert_eq!(f.store.end_key("a", "akey00001", "somebody"), Ok(EndedKey::Ended));
    assert_eq!(f.store.end_key("a", "akey00001", "somebody"), Ok(EndedKey::EndedBefore));
    assert_eq!(f.store.end_key("a", "nosuchkey", "somebody"), Ok(EndedKey::Unknown));
    assert_eq!(f.store.end_key("b", "second00", "somebody"), Ok(EndedKey::Unknown));
    assert_eq!(rotate("third000"), RotatedKey::Added);
    assert_eq!(rotate("fourth00"), RotatedKey::TooMany);
    let live: Vec<(String, bool)> =
        only(&f).keys.iter().map(|key| (key.id.clone(), key.is_live())).collect();
    let expected = [("akey00001", false), ("second00", true), ("third000", true)];
    assert_eq!(live, expected.map(|(id, is_live)| (id.to_owned(), is_live)));
}

#[test]
fn of_many_keys_that_are_made_at_once_two_are_live() {
    let f = fixture();
    assert!(add(&f, "a"));
    f.store.end_key("a", "akey00001", "somebody").unwrap();
    let made: Vec<RotatedKey> = thread::scope(|scope| {
        let calls: Vec<_> = (0..8)
            .map(|n| {
                let store = &f.store;
                scope.spawn(move || {
                    store.add_key("a", key(&format!("parallel{n}")), "somebody").unwrap()
                })
            })
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    assert_eq!(made.iter().filter(|made| **made == RotatedKey::Added).count(), 2, "{made:?}");
    assert_eq!(only(&f).keys.iter().filter(|key| key.is_live()).count(), 2);
}

#[test]
fn the_database_itself_refuses_a_third_live_key_in_any_isolation() {
    let f = fixture();
    assert!(add(&f, "a"));
    let insert = |id: &str, slot: i32| {
        format!(
            "INSERT INTO client_keys (id, client_id, slot, ciphertext, created_by)
                 VALUES ('{id}', 'a', {slot}, decode(repeat('07', 40), 'hex'), 'x')"
        )
    };
    let mut open = f.session_that("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM client_keys");
    f.database.sql(&insert("second00", 2));
    let refused = open.batch_execute(&insert("third000", 2)).unwrap_err().to_string();
    assert!(refused.contains("client_keys_live_key"), "{refused}");
    let refused = f.session().batch_execute(&insert("third000", 3)).unwrap_err().to_string();
    assert!(refused.contains("client_keys_slot_check"), "{refused}");
}

#[test]
fn scopes_are_set_as_a_whole() {
    let f = fixture();
    assert!(add(&f, "a"));
    assert!(add(&f, "b"));
    let patterns = |client: usize| -> Vec<(String, Option<Vec<String>>)> {
        let client = f.store.clients().unwrap().remove(client);
        client.scopes.into_iter().map(|scope| (scope.pattern, scope.columns)).collect()
    };
    let set = [scope("org.ds/L0", Some(&["id"])), scope("submissions/form", None)];
    assert_eq!(f.store.set_scopes("a", &set, "somebody"), Ok(true));
    assert_eq!(
        patterns(0),
        [
            ("org.ds/L0".to_owned(), Some(vec!["id".to_owned()])),
            ("submissions/form".to_owned(), None)
        ]
    );
    assert_eq!(f.store.set_scopes("a", &[scope("org.ds/L0", None)], "somebody"), Ok(true));
    assert_eq!(patterns(0), [("org.ds/L0".to_owned(), None)]);
    assert_eq!(f.store.set_scopes("a", &[], "somebody"), Ok(true));
    assert_eq!(patterns(0), []);
    assert_eq!(patterns(1), [("submissions/*".to_owned(), None)]);
    assert_eq!(f.store.set_scopes("c", &set, "somebody"), Ok(false));
}

/// Between both, an operator may have taken a scope away that the other one did not know.
#[test]
fn of_two_sets_of_scopes_at_once_the_last_one_holds_alone() {
    let f = fixture();
    assert!(add(&f, "a"));
    let mut open = f.session_that(
        "BEGIN; SELECT FROM clients FOR UPDATE;
         INSERT INTO client_scopes (client_id, pattern) VALUES ('a', 'first/L0')",
    );
    thread::scope(|threads| {
        let last = threads.spawn(|| f.store.set_scopes("a", &[scope("last/L0", None)], "x"));
        f.wait_for_blocked();
        open.batch_execute("COMMIT").unwrap();
        assert_eq!(last.join().unwrap(), Ok(true));
    });
    let patterns: Vec<String> = only(&f).scopes.into_iter().map(|scope| scope.pattern).collect();
    assert_eq!(patterns, ["last/L0"]);
}

#[test]
fn a_pattern_with_a_star_in_the_wrong_place_is_refused() {
    let f = fixture();
    assert!(add(&f, "a"));
    let may: BTreeSet<&str> = ["*/*", "*/L0", "org.*/L0", "a/b/c", "org.ds/*"].into();
    let not = ["*", "a", "a/", "/b", "a*b/c", "*a/b", "a/b*", "a/*b", "a**/b", "a/**"];
    for pattern in may.iter().chain(&not) {
        let set = f.store.set_scopes("a", &[scope(pattern, None)], "somebody");
        assert_eq!(set.is_ok(), may.contains(pattern), "{pattern}");
    }
    assert!(f.store.set_scopes("a", &[scope("a/b", Some(&[]))], "somebody").is_err());
}

#[test]
fn a_disabled_client_keeps_everything_and_is_marked() {
    let f = fixture();
    assert!(add(&f, "a"));
    assert_eq!(f.store.disable_client("a", "somebody"), Ok(EndedKey::Ended));
    let disabled = only(&f);
    assert!(disabled.disabled_at.is_some());
    assert_eq!((disabled.keys.len(), disabled.scopes.len()), (1, 1));
    assert_eq!(f.store.disable_client("a", "somebody"), Ok(EndedKey::EndedBefore));
    assert_eq!(only(&f), disabled);
    assert_eq!(f.store.disable_client("b", "somebody"), Ok(EndedKey::Unknown));
}

#[test]
fn a_ciphertext_is_replaced_only_if_it_is_still_the_same() {
    let f = fixture();
    assert!(add(&f, "a"));
    let replace =
        |old: u8, new: u8| f.store.reencrypt_key("akey00001", &[old; 40], &[new; 40], "x");
    assert_eq!(replace(7, 8), Ok(true));
    assert_eq!(replace(7, 9), Ok(false));
    assert_eq!(only(&f).keys[0].ciphertext, [8; 40]);
    // A second run after a lost connection
    assert_eq!(replace(7, 8), Ok(true));
}

#[test]
fn each_change_is_noted_with_who_made_it() {
    let f = fixture();
    assert!(add(&f, "a"));
    f.store.add_key("a", key("second00"), "rita").unwrap();
    f.store.add_key("a", key("third000"), "rita").unwrap();
    for _ in 0..2 {
        f.store.end_key("a", "second00", "sam").unwrap();
    }
    let scopes = [scope("a/b", Some(&["id", "name"])), scope("*/L0", None)];
    f.store.set_scopes("a", &scopes, "tom").unwrap();
    for _ in 0..2 {
        f.store.reencrypt_key("akey00001", CIPHERTEXT, &[8; 40], "vera").unwrap();
    }
    for _ in 0..2 {
        f.store.disable_client("a", "uma").unwrap();
    }
    let changes = f.database.sql("SELECT by, change, detail FROM client_changes ORDER BY id");
    let expected = "somebody|added|submissions/*\nsomebody|key_added|akey00001\nrita|key_added|second00\n\
                    sam|key_ended|second00\ntom|scopes_set|a/b(id,name), */L0\n\
                    vera|key_reencrypted|akey00001\numa|disabled|";
    assert_eq!(changes, expected);
}
