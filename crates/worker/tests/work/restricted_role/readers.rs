//! What the service for readers and `manage` need is granted, and nothing else.

use secrecy::SecretString;
use store::{
    AuditEntry, AuditEvent, EndedExport, EndedKey, NewClient, NewExport, NewKey, NewScope,
    Position, RotatedKey, Store, StoreSettings,
};

use super::server::{DENIED, Server};

fn server() -> Server {
    let server = Server::start();
    server.make_roles();
    server.migrate();
    server.make_roles();
    server
}

fn store_as(server: &Server, role: &str) -> Store {
    Store::new(&StoreSettings::new(SecretString::from(server.url_as(role)))).unwrap()
}

fn add_client(manager: &Store) {
    let key = NewKey { id: "firstkey", ciphertext: &[7; 40], imported: false };
    let scopes = [NewScope { pattern: "submissions/*".to_owned(), columns: None }];
    let client = NewClient { id: "a", description: "", key, scopes: &scopes };
    assert_eq!(manager.add_client(&client, "x"), Ok(true));
}

#[test]
fn the_manager_can_do_all_that_manage_does() {
    let server = server();
    let manager = store_as(&server, "form_manager");
    add_client(&manager);
    let key = NewKey { id: "secondkey", ciphertext: &[7; 40], imported: true };
    assert_eq!(manager.add_key("a", key, "x"), Ok(RotatedKey::Added));
    assert_eq!(manager.end_key("a", "firstkey", "x"), Ok(EndedKey::Ended));
    let scopes = [NewScope { pattern: "org.ds/L0".to_owned(), columns: None }];
    for _ in 0..2 {
        assert_eq!(manager.set_scopes("a", &scopes, "x"), Ok(true));
    }
    assert_eq!(manager.reencrypt_key("secondkey", &[7; 40], &[8; 40], "x"), Ok(true));
    assert_eq!(manager.disable_client("a", "x"), Ok(EndedKey::Ended));
    assert_eq!(manager.clients().map(|clients| clients.len()), Ok(1));
    for statement in [
        "delete from clients",
        "delete from client_keys",
        "update clients set id = 'b'",
        "update client_keys set client_id = 'b', ended_at = null",
        "update client_changes set by = 'y'",
        "delete from client_changes",
        "select from forms",
        "select from read_audit",
        "select note_audit('[]')",
        "select from submissions.form",
    ] {
        assert_eq!(server.refusal("form_manager", statement), DENIED, "{statement}");
    }
}

#[test]
fn the_reader_writes_through_its_functions_alone_and_reads_nothing_of_forms() {
    let server = server();
    add_client(&store_as(&server, "form_manager"));
    let reader = store_as(&server, "form_reader");
    let now = "2026-11-21T10:00:00Z".parse().unwrap();
    let relation = "submissions/form".to_owned();

    assert_eq!(reader.clients().map(|clients| clients.len()), Ok(1));
    reader.note_key_use(&[("firstkey".to_owned(), now)]).unwrap();
    let position = Position { client_id: "a".to_owned(), relation: relation.clone(), last_id: 1 };
    reader.note_positions(&[position]).unwrap();
    let event = AuditEvent::Refusal { reason: "scope".to_owned(), relation: None };
    reader.note_audit(&[AuditEntry { at: now, client_id: Some("a".to_owned()), event }]).unwrap();
    let export = NewExport {
        id: "019dd6a3-0000-7000-8000-000000000001".parse().unwrap(),
        client_id: "a".to_owned(),
        relation,
        format: "csv",
        bound: None,
        filters: vec![],
        columns: vec![],
    };
    reader.begin_export(&export).unwrap();
    assert_eq!(reader.continue_export(export.id, 1, 1, None), Ok(true));
    let end = EndedExport {
        sha256: Some([1; 32]),
        rows: 1,
        bytes: 1,
        first_id: None,
        last_id: None,
        guarded_cells: 0,
    };
    assert_eq!(reader.end_export(export.id, &end), Ok(true));
    assert!(reader.show_export(export.id, "a").unwrap().is_some());
    assert_eq!(reader.submission_states(&[export.id]), Ok(vec![]));
    assert!(reader.advance_watermark().unwrap().is_some());
    let written = "select (select count(*) from client_positions), (select count(*) from read_audit),
                       (select count(*) from exports), (select count(last_used_at) from client_keys)";
    assert_eq!(server.admin(written), "1|1|1|1");

    for statement in ["select from submissions.form", "select from submissions.erasures"] {
        assert_eq!(server.refusal("form_reader", statement), "", "{statement}");
    }
    for statement in [
        "select from forms",
        "select from form_form",
        "select from invalid_messages",
        "select from erasures",
        "select from watermarks",
        "select from read_audit",
        "select from exports",
        "select from client_positions",
        "select from client_changes",
        "insert into read_audit (kind, at) values ('export', now())",
        "update client_positions set last_id = 0",
        "update clients set disabled_at = null",
        "insert into client_scopes (client_id, pattern) values ('a', '*/*')",
        "delete from exports",
        "select erase_submission('form', gen_random_uuid(), null, 'x')",
        "create table t (id int)",
        "create temporary table t (id int)",
        "create view submissions.v as select 1",
    ] {
        assert_eq!(server.refusal("form_reader", statement), DENIED, "{statement}");
    }
}
