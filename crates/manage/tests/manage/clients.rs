use credentials::{ClientKey, CredentialsKey};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::support::{KEY, NEW_KEY, Sandbox, sandbox};

const ADD: [&str; 7] =
    ["add", "pipeline", "--scope", "submissions/*", "--scope", "org.ds/L0", "--json"];

/// The live keys of a client in plain text, as a service with this `CREDENTIALS_KEY` reads them.
fn keys(f: &Sandbox, credentials_key: &str, client: &str) -> Vec<Option<String>> {
    let credentials = CredentialsKey::new(&SecretString::from(credentials_key), None).unwrap();
    let client = f.store.clients().unwrap().into_iter().find(|one| one.id == client).unwrap();
    let live = client.keys.iter().filter(|key| key.is_live());
    live.map(|key| {
        let opened = credentials.open(&client.id, &key.id, &key.ciphertext)?;
        Some(opened.text.expose_secret().to_owned())
    })
    .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn a_client_that_is_added_has_the_key_that_was_shown() {
    let f = sandbox();
    let added = f.run(&ADD).object();
    assert_eq!(
        (&added["id"], &added["scopes"]),
        (&json!("pipeline"), &json!(["submissions/*", "org.ds/L0"]))
    );
    let key = text(&added["key"]);
    assert_eq!(ClientKey::parse(&key).unwrap().id(), added["key_id"]);
    assert_eq!(keys(&f, KEY, "pipeline"), [Some(key)]);
    assert_eq!(f.database.sql("SELECT created_by FROM clients"), "olive");

    let again = f.run(&ADD);
    assert_eq!((again.status, again.stdout.as_str()), (Some(1), ""));
    assert_eq!(again.stderr, "there is a client pipeline already\n");
}

#[test]
fn a_dry_run_changes_nothing() {
    let f = sandbox();
    let dry = f.run(&[&ADD[..], &["--dry-run"]].concat()).object();
    assert_eq!(dry["key"], Value::Null);
    assert_eq!(f.store.clients(), Ok(vec![]));
    f.run(&ADD).object();
    let before = f.store.clients().unwrap();
    let key_id = before[0].keys[0].id.as_str();
    for command in [
        &["rotate", "pipeline"][..],
        &["end-key", "pipeline", key_id],
        &["disable", "pipeline"],
        &["scope", "pipeline", "--scope", "*/*"],
    ] {
        let ended = f.run(&[command, &["--dry-run", "--json"]].concat());
        assert_eq!(ended.object()["key"], Value::Null);
        assert_eq!(f.store.clients().unwrap(), before, "{command:?}");
    }
    let both = [("CREDENTIALS_KEY", NEW_KEY), ("CREDENTIALS_KEY_PREVIOUS", KEY)];
    let ended = f.run_with(&both, &["reencrypt", "--dry-run", "--json"], "");
    assert_eq!(ended.object()["reencrypted"], 1);
    let import = ["import", "--scope", "org.ds/*", "--dry-run", "--json"];
    let ended = f.run_with(&both, &import, "old,a-key-of-16-chars,{},\n");
    assert_eq!(ended.object()["imported"], true);
    assert_eq!(f.store.clients().unwrap(), before);
}

#[test]
fn a_key_is_changed_without_a_gap() {
    let f = sandbox();
    let first = f.run(&ADD).object();
    let second = f.run(&["rotate", "pipeline", "--json", "--as", "rita"]).object();
    let both = [Some(text(&first["key"])), Some(text(&second["key"]))];
    assert_eq!(keys(&f, KEY, "pipeline"), both);
    let third = f.run(&["rotate", "pipeline"]);
    assert_eq!((third.status, third.stdout.as_str()), (Some(1), ""));
    assert!(third.stderr.contains(&text(&first["key_id"])), "{}", third.stderr);

    let end = ["end-key", "pipeline", first["key_id"].as_str().unwrap()];
    assert_eq!(f.run(&end).status, Some(0));
    assert_eq!(keys(&f, KEY, "pipeline"), both[1..]);
    assert_eq!(f.run(&["end-key", "pipeline", "nosuchkey"]).status, Some(1));
    assert_eq!(f.run(&["rotate", "nobody"]).stderr, "there is no client nobody\n");
    let by = f.database.sql("SELECT DISTINCT by FROM client_changes ORDER BY by");
    assert_eq!(by, "olive\nrita");
}

#[test]
fn clients_of_the_old_data_store_are_imported_with_the_scopes_of_the_command_line() {
    let f = sandbox();
    f.run(&["add", "taken", "--scope", "a/b"]);
    let file = "id,key,scope,description\n\
                old,a-key-of-16-chars,\"{get_table_data,list_ons_postcodes}\",Old one\n\
                short,fifteen-chars-x,{*},\n\
                taken,another-key-of-the-old,{*},\n\
                a b,another-key-of-the-old,{*},\n\
                ABCDEF0123456789abcdef,old-id,{*},\n\
                0a1b2c3d-0a1b-2c3d-4e5f,old-id,{*},\n\
                data-flow-pipeline,too-short,{*},\n\
                4e5f3c2d1b0a4e5f3c2d1b0a,another-data-pipeline,{*},\n\
                old,another-key-of-the-old,{*},\n";
    let import = |arguments: &[&str]| f.run_with(&[("CREDENTIALS_KEY", KEY)], arguments, file);
    let ended = import(&["import", "--scope", "org.*/L0", "--json"]);
    assert_eq!(ended.status, Some(1));
    let imported: Vec<(Value, Value)> =
        ended.lines().iter().map(|line| (line["id"].clone(), line["imported"].clone())).collect();
    let hidden = "(an id that is not shown)";
    let expected = [
        ("old", true),
        ("short", false),
        ("taken", false),
        (hidden, false),
        (hidden, false),
        (hidden, false),
        ("data-flow-pipeline", false),
        (hidden, false),
        ("old", false),
    ];
    assert_eq!(imported, expected.map(|(id, imported)| (json!(id), json!(imported))));
    assert_eq!(ended.lines()[0]["without_counterpart"], json!(["list_ons_postcodes"]));
    for secret in [
        "a-key-of-16-chars",
        "fifteen-chars-x",
        "another-key",
        "ABCDEF0123456789",
        "0a1b2c3d",
        "4e5f",
    ] {
        assert!(!format!("{}{}", ended.stdout, ended.stderr).contains(secret), "{secret}");
    }
    assert_eq!(keys(&f, KEY, "old"), [Some("a-key-of-16-chars".to_owned())]);
    let list = f.run(&["list", "--json"]).lines();
    assert_eq!((&list[0]["id"], &list[0]["scopes"]), (&json!("old"), &json!(["org.*/L0"])));
    assert_eq!(list[0]["keys"][0]["note"], "imported, rotate");
    assert!(f.run(&["list"]).stdout.contains("imported, rotate"));
}

#[test]
fn an_import_that_reaches_submissions_must_be_allowed() {
    let f = sandbox();
    let file = "old,a-key-of-16-chars,*,\n";
    let import = |arguments: &[&str]| f.run_with(&[("CREDENTIALS_KEY", KEY)], arguments, file);
    for scope in ["*/*", "*/L0", "submissions/*", "submissions/registration", "sub*/L0"] {
        assert_eq!(import(&["import", "--scope", scope]).status, Some(2), "{scope}");
        assert_eq!(f.store.clients(), Ok(vec![]));
    }
    assert_eq!(import(&["import", "--scope", "*/*", "--allow-forms"]).status, Some(0));
}

#[test]
fn keys_are_encrypted_again_with_the_new_credentials_key() {
    let f = sandbox();
    let key = text(&f.run(&ADD).object()["key"]);
    let both = [("CREDENTIALS_KEY", NEW_KEY), ("CREDENTIALS_KEY_PREVIOUS", KEY)];
    let ended = f.run_with(&both, &["reencrypt", "--json"], "").object();
    assert_eq!((&ended["keys"], &ended["reencrypted"]), (&json!(1), &json!(1)));
    assert_eq!(keys(&f, NEW_KEY, "pipeline"), [Some(key)]);
    assert_eq!(f.run_with(&both, &["reencrypt", "--json"], "").object()["reencrypted"], 0);

    let old = f.run(&["reencrypt", "--json"]);
    assert_eq!((old.status, &old.lines()[0]["keys"]), (Some(1), &json!(1)));
    let add = f.run(&["add", "other", "--scope", "a/b"]);
    assert_eq!(add.status, Some(1));
    assert!(add.stderr.contains("CREDENTIALS_KEY opens none of the live keys"), "{}", add.stderr);
}

#[test]
fn a_wrong_command_line_ends_with_2_and_wrong_settings_with_1() {
    let f = sandbox();
    for arguments in [
        &["add"][..],
        &["add", "a"],
        &["add", "a", "--scope", "a*b/c"],
        &["add", "a b", "--scope", "a/b"],
        &["add", "a", "--scope", "a/b", "--as", "x\ny"],
        &["list", "--unknown"],
    ] {
        assert_eq!(f.run(arguments).status, Some(2), "{arguments:?}");
    }
    let nobody = f.run_with(&[("CREDENTIALS_KEY", KEY), ("USER", "")], &ADD, "");
    assert_eq!(nobody.status, Some(2));
    for (name, value) in [("CREDENTIALS_KEY", ""), ("CREDENTIALS_KEY", "c2hvcnQ=")] {
        let ended = f.run_with(&[(name, value)], &ADD, "");
        assert_eq!(ended.status, Some(1));
        assert!(ended.stderr.contains(name) && !ended.stderr.contains("c2hv"), "{}", ended.stderr);
    }
    assert_eq!(f.run_with(&[], &["list"], "").status, Some(0), "list needs no key");
}

#[test]
fn scopes_that_are_repeated_add_up_and_are_shown_as_they_are_stored() {
    let f = sandbox();
    for (scopes, stored) in [
        (&["a/b", "a/b(id)"][..], json!(["a/b"])),
        (&["a/b(id)", "a/b"], json!(["a/b"])),
        (&["a/b(id,name,id)", "a/b(name, other)"], json!(["a/b(id,name,other)"])),
    ] {
        let id = format!("client{}", f.store.clients().unwrap().len());
        let scopes = scopes.iter().flat_map(|scope| ["--scope", *scope]);
        let add: Vec<&str> = ["add", &id, "--json"].into_iter().chain(scopes).collect();
        assert_eq!(f.run(&add).object()["scopes"], stored);
        assert_eq!(f.run(&["list", "--json"]).lines().last().unwrap()["scopes"], stored);
        let detail =
            "SELECT detail FROM client_changes WHERE change = 'added' ORDER BY id DESC LIMIT 1";
        assert_eq!(f.database.sql(detail), stored[0].as_str().unwrap());
    }
}

#[test]
fn a_disabled_client_gets_no_new_key() {
    let f = sandbox();
    f.run(&ADD).object();
    assert_eq!(f.run(&["disable", "pipeline"]).status, Some(0));
    let refused = f.run(&["rotate", "pipeline"]);
    assert_eq!((refused.status, refused.stdout.as_str()), (Some(1), ""));
    assert!(refused.stderr.contains("is disabled"), "{}", refused.stderr);
}

/// Otherwise a key would be live that nobody knows, and nothing would say so.
#[test]
fn if_a_new_key_cannot_be_shown_the_message_names_it() {
    let f = sandbox();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let ended = f.run_into(full.into(), &ADD);
    assert_eq!(ended.status, Some(1));
    let client = f.store.clients().unwrap().remove(0);
    let expected = format!("manage clients end-key pipeline {}", client.keys[0].id);
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
}
