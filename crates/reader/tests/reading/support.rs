//! A reader with a database of its own.

use credentials::{ClientKey, CredentialsKey};
use domain::FormType;
use secrecy::ExposeSecret as _;
use serde_json::Value;
use store::{NewClient, NewKey, NewScope, Store, StoreSettings};
use test_kit::{
    Service, Signal, TestDatabase,
    http::{Answer, Http, Request},
};

use crate::described::Described;

pub const DATASET: &str = "/api/v1/table-data/org.ds/L0";

/// 32 bytes.
pub const CREDENTIALS_KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

pub struct Reading {
    pub database: TestDatabase,
    pub store: Store,
    /// Of the client `all`, which may read everything.
    pub key: String,
    pub reader: Service,
    /// Compares every answer with the OpenAPI document.
    http: Http,
}

impl Reading {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub async fn start_with(variables: &[(&str, &str)]) -> Self {
        let database = TestDatabase::create();
        let store = Store::new(&StoreSettings::new(database.url().into())).unwrap();
        store.migrate().unwrap();
        let key = add_client(&store, "all", "*/*", None);
        let url = database.url();
        let own = [("DATABASE_URL", url.as_str()), ("CREDENTIALS_KEY", CREDENTIALS_KEY)];
        let reader = Service::start("reader", &[&own[..], variables].concat());
        reader.ready().await;
        let document = reader.get("/openapi.json").await;
        let document = if document.status == 200 { document.json() } else { Value::Null };
        let described = Described(document);
        let http = reader.http().checked_by(move |method, path, answer| {
            let difference = described.difference(method, path, answer);
            assert_eq!(difference, None, "{method} {path}: {answer:?}");
        });
        Self { database, store, key, reader, http }
    }

    /// A dataset with an id, a text and a big number, and rows 1 to `rows`.
    pub async fn with_dataset(rows: i64) -> Self {
        let reading = Self::start().await;
        reading.dataset(rows);
        reading
    }

    pub fn dataset(&self, rows: i64) {
        self.database.sql(&format!(
            r#"CREATE SCHEMA "org.ds";
               CREATE TABLE "org.ds"."L0" (id bigint PRIMARY KEY, name text, big bigint);
               COMMENT ON COLUMN "org.ds"."L0".name IS 'What it is called';
               INSERT INTO "org.ds"."L0" SELECT n, 'row ' || n, n * 2 FROM generate_series(1, {rows}) n;
               INSERT INTO relations VALUES ('org.ds', 'L0', 'id', 'a table')"#
        ));
    }

    /// Publishes a form type with the property `a`.
    pub fn publish_registration(&self) {
        self.publish("registration");
    }

    pub fn publish(&self, name: &str) {
        let schema = r#"{"type": "object", "properties": {"a": {"type": "string"}, "o": {}}}"#;
        self.store.publish(&[FormType::from_schema(name, schema).unwrap()]).unwrap();
    }

    pub fn submit(&self, data: &str) {
        self.database
            .sql(&format!("INSERT INTO forms (form_type, data) VALUES ('registration', '{data}')"));
    }

    pub fn show_rows(&self) {
        while self.store.advance_watermark().unwrap().is_none_or(|step| step.waits.is_some()) {}
    }

    pub fn url(&self, path: &str) -> String {
        self.reader.url(path)
    }

    pub fn request(&self, method: &str, path: &str) -> Request {
        self.http.request(method, path)
    }

    /// Gets as the client that may read everything.
    pub async fn get(&self, path: &str) -> Answer {
        self.get_as(&self.key, path).await
    }

    pub async fn get_as(&self, key: &str, path: &str) -> Answer {
        let request = self.request("GET", path).authorization(&format!("Bearer {key}"));
        request.send().await
    }

    /// The answer to a client's mistake, which is a problem with `error`.
    pub async fn mistake(&self, path: &str) -> String {
        let answer = self.get(path).await.expect_status(400);
        assert_eq!(answer.header("Content-Type"), Some("application/problem+json"));
        let problem = answer.json();
        assert_eq!(problem["detail"], problem["error"]);
        problem["error"].as_str().unwrap().to_owned()
    }

    /// `Authorization` of the client that may read everything.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.key)
    }

    pub fn stop(&self) {
        self.reader.signal(Signal::Term);
    }

    /// A client that is added while the reader runs is known some seconds later.
    pub async fn known_client(&self, id: &str, pattern: &str, columns: Option<&[&str]>) -> String {
        let key = self.add_client(id, pattern, columns);
        let is_known = async || self.get_as(&key, "/api/v1/relations").await.status == 200;
        test_kit::wait::until_true("the client is known", is_known).await;
        key
    }
}

impl Reading {
    /// Adds a client with a new key, and gives the key.
    pub fn add_client(&self, id: &str, pattern: &str, columns: Option<&[&str]>) -> String {
        add_client(&self.store, id, pattern, columns)
    }
}

pub fn add_client(store: &Store, id: &str, pattern: &str, columns: Option<&[&str]>) -> String {
    let key = ClientKey::generate().unwrap();
    let credentials = CredentialsKey::new(&CREDENTIALS_KEY.into(), None).unwrap();
    let ciphertext = credentials.seal(id, key.id(), key.text()).unwrap();
    let columns = columns.map(|columns| columns.iter().map(|c| (*c).to_owned()).collect());
    let client = NewClient {
        id,
        description: "",
        key: NewKey { id: key.id(), ciphertext: &ciphertext, imported: false },
        scopes: &[NewScope { pattern: pattern.to_owned(), columns }],
    };
    assert!(store.add_client(&client, "a test").unwrap());
    key.text().expose_secret().to_owned()
}
