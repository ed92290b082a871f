//! The reader with the rights of `form_reader` alone.

use std::process::Command;

use domain::FormType;
use serde_json::json;
use store::{Store, StoreSettings};
use test_kit::{
    Service,
    http::Answer,
    postgres::{Cluster, ClusterOptions, sql},
};

use crate::support::{CREDENTIALS_KEY, add_client};

const ROLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/postgres/roles.sql");

/// What it may read: the published relations, and which there are and who may read them.
const MAY_READ: &str = "__diesel_schema_migrations\nclient_keys\nclient_scopes\nclients\ndataset_versions\nrelations\nsubmissions.erasures\nsubmissions.registration";

struct Careful {
    cluster: Cluster,
    key: String,
    reader: Service,
}

impl Careful {
    async fn start() -> Self {
        let cluster = Cluster::throwaway(ClusterOptions::default()).unwrap();
        sql(&cluster.url("postgres"), "CREATE DATABASE data").unwrap();
        let make_roles = || {
            let psql = Command::new("psql")
                .args(["--no-psqlrc", "--quiet", "--file", ROLES, "--dbname", &cluster.url("data")])
                .output();
            let psql = psql.unwrap();
            assert!(psql.status.success(), "{}", String::from_utf8_lossy(&psql.stderr));
        };
        make_roles();
        let url =
            |role: &str| format!("postgres://{role}:{role}@127.0.0.1:{}/data", cluster.port());
        for role in ["form_migrator", "form_manager", "form_reader"] {
            sql(&cluster.url("data"), &format!("ALTER ROLE {role} PASSWORD '{role}'")).unwrap();
        }
        let store = |role: &str| Store::new(&StoreSettings::new(url(role).into())).unwrap();
        let migrator = store("form_migrator");
        migrator.migrate().unwrap();
        let schema = r#"{"type": "object", "properties": {"a": {"type": "string"}, "day": {"type": "string", "format": "date"}}}"#;
        migrator.publish(&[FormType::from_schema("registration", schema).unwrap()]).unwrap();
        make_roles();
        let key = add_client(&store("form_manager"), "all", "*/*", None);
        let url = url("form_reader");
        let own = [("DATABASE_URL", url.as_str()), ("CREDENTIALS_KEY", CREDENTIALS_KEY)];
        let reader = Service::start("reader", &own);
        reader.ready().await;
        Self { cluster, key, reader }
    }

    fn admin(&self, statements: &str) -> String {
        sql(&self.cluster.url("data"), statements).unwrap()
    }

    async fn get(&self, path: &str) -> Answer {
        let request = self.reader.request("GET", path);
        request.authorization(&format!("Bearer {}", self.key)).send().await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_works_with_the_rights_of_the_reader() {
    let careful = Careful::start().await;
    let id = "01890000-0000-7000-8000-000000000001";
    careful.admin(&format!(
        r#"INSERT INTO forms (form_type, submission_id, sqs_message_id, data) VALUES ('registration', '{id}', 'm', '{{"a": "x", "day": "2026-01-01"}}')"#
    ));
    let forms = "/api/v1/table-data/submissions/registration";
    // The reader advances the watermark itself while a client waits.
    let page = careful.get(&format!("{forms}?wait=20&columns=a,day")).await.expect_status(200);
    assert_eq!(page.json()["values"], json!([["x", "2026-01-01"]]));
    for path in [
        "/api/v1/relations",
        "/api/v1/table-structure/submissions/registration",
        forms,
        &format!("{forms}?day=gt.2025-12-31"),
        "/api/v1/table-data/submissions.registration/L0",
        "/api/v1/table-data/submissions/erasures",
        &format!("/api/v1/submissions/{id}"),
    ] {
        careful.get(path).await.expect_status(200);
    }
    let states = careful.reader.request("POST", "/api/v1/submissions/states");
    let states = states.authorization(&format!("Bearer {}", careful.key));
    let states = states.json(json!({ "submission_ids": [id] }).to_string()).send().await;
    assert_eq!(states.expect_status(200).json()["states"][0]["state"], "stored");
    for format in ["csv", "jsonl", "parquet", "xlsx"] {
        let export = careful.get(&format!("{forms}?format={format}")).await.expect_status(200);
        let path = format!("/api/v1/exports/{}", export.header("Export-Id").unwrap());
        assert_eq!(careful.get(&path).await.expect_status(200).json()["state"], "complete");
    }
    let noted = "SELECT count(*) FROM client_positions";
    test_kit::wait::until_true("it is noted", async || careful.admin(noted) == "2").await;
    assert!(!careful.reader.log().contains("WARN"), "{}", careful.reader.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_can_be_read_and_nothing_written_but_through_functions() {
    let careful = Careful::start().await;
    let of = |privileges: &str| {
        careful.admin(&format!(
            "SELECT c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
                 WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname NOT LIKE 'pg\\_%' AND nspname <> 'information_schema'
                     AND (has_table_privilege('form_reader', c.oid, '{privileges}')
                         OR '{privileges}' <> 'DELETE, TRUNCATE, TRIGGER' AND has_any_column_privilege('form_reader', c.oid, '{privileges}'))
                 ORDER BY c.oid::regclass::text COLLATE \"C\"",
        ))
    };
    assert_eq!(of("SELECT"), MAY_READ);
    assert_eq!(of("INSERT, UPDATE, REFERENCES"), "");
    assert_eq!(of("DELETE, TRUNCATE, TRIGGER"), "");
    let schemas = "SELECT count(*) FROM pg_namespace WHERE has_schema_privilege('form_reader', oid, 'CREATE')";
    assert_eq!(careful.admin(schemas), "0");
    let own =
        format!("postgres://form_reader:form_reader@127.0.0.1:{}/data", careful.cluster.port());
    for statement in [
        "SELECT FROM forms",
        "SELECT FROM invalid_messages",
        "SELECT FROM read_audit",
        "SELECT FROM exports",
        "INSERT INTO clients VALUES ('x')",
        "UPDATE client_keys SET ended_at = NULL",
        "DELETE FROM relations",
        "CREATE TABLE x ()",
        "CREATE TEMPORARY TABLE x ()",
        "SELECT erase_form('x', NULL, NULL, 'x')",
        "SELECT pg_read_file('/etc/passwd')",
        "COPY forms TO PROGRAM 'true'",
    ] {
        assert!(sql(&own, statement).is_err(), "{statement}");
    }
}
