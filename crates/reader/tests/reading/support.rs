//! A reader with a database of its own.

use domain::FormType;
use reader::{
    clients::{Client, Key, Known, Scope},
    settings::Settings,
};
use service::settings::Environment;
use store::{Store, StoreSettings};
use test_kit::{
    TestDatabase,
    http::{Answer, Http, Request},
};
use tokio_util::sync::CancellationToken;

pub const DATASET: &str = "/api/v1/table-data/org.ds/L0";

/// A client that may read everything.
pub const KEY: &str = "dfd_all00001_key-of-the-client-that-may-read-everything";
/// A client that may read one dataset.
pub const DATASET_KEY: &str = "dfd_dataset1_key-of-the-client-that-may-read-a-dataset";
/// A client that may read two columns of it.
pub const COLUMNS_KEY: &str = "dfd_columns1_key-of-the-client-that-may-read-two-columns";

pub struct Reading {
    pub database: TestDatabase,
    pub store: Store,
    http: Http,
    stop: CancellationToken,
}

impl Reading {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    pub async fn start_with(variables: &[(&str, &str)]) -> Self {
        let database = TestDatabase::create();
        let store = Store::new(&StoreSettings::new(database.url().into())).unwrap();
        store.migrate().unwrap();
        let url = database.url();
        let own = [("DATABASE_URL", url.as_str()), ("BIND_ADDRESS", "127.0.0.1"), ("PORT", "0")];
        let all = own.iter().chain(variables).copied();
        let settings = Settings::read(Environment::from_pairs(all)).unwrap();
        let reader = reader::build(settings).await.unwrap();
        reader.replace_clients(clients());
        let http = Http::at(format!("http://127.0.0.1:{}", reader.port()));
        let stop = CancellationToken::new();
        tokio::spawn(reader.run(stop.clone()));
        Self { database, store, http, stop }
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
        let schema = r#"{"type": "object", "properties": {"a": {"type": "string"}, "o": {}}}"#;
        let form_type = FormType::from_schema("registration", schema).unwrap();
        self.store.publish(&[form_type]).unwrap();
    }

    pub fn submit(&self, data: &str) {
        self.database
            .sql(&format!("INSERT INTO forms (form_type, data) VALUES ('registration', '{data}')"));
    }

    pub fn show_rows(&self) {
        while self.store.advance_watermark().unwrap().is_none_or(|step| step.waits.is_some()) {}
    }

    pub fn url(&self, path: &str) -> String {
        self.http.url(path)
    }

    pub fn request(&self, method: &str, path: &str) -> Request {
        self.http.request(method, path)
    }

    /// Gets as the client that may read everything.
    pub async fn get(&self, path: &str) -> Answer {
        self.get_as(KEY, path).await
    }

    pub async fn get_as(&self, key: &str, path: &str) -> Answer {
        self.request("GET", path).authorization(&format!("Bearer {key}")).send().await
    }

    /// The answer to a client's mistake, which is a problem with `error`.
    pub async fn mistake(&self, path: &str) -> String {
        let answer = self.get(path).await.expect_status(400);
        assert_eq!(answer.header("Content-Type"), Some("application/problem+json"));
        let problem = answer.json();
        assert_eq!(problem["detail"], problem["error"]);
        problem["error"].as_str().unwrap().to_owned()
    }

    pub fn stop(&self) {
        self.stop.cancel();
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn clients() -> Known {
    let client = |id: &str, key: &str, pattern: &str, columns: Option<&[&str]>| Client {
        id: id.to_owned(),
        keys: vec![Key { id: key.split('_').nth(1).unwrap().to_owned(), text: key.into() }],
        scopes: vec![Scope {
            pattern: pattern.to_owned(),
            columns: columns.map(|columns| columns.iter().map(|c| (*c).to_owned()).collect()),
        }],
    };
    Known::new([
        client("all", KEY, "*/*", None),
        client("dataset", DATASET_KEY, "org.ds/L0", None),
        client("columns", COLUMNS_KEY, "org.ds/L0", Some(&["id", "name"])),
    ])
}
