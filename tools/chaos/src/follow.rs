//! Two clients of the reader that follow the forms during the whole run, a client that pages the bare table, and a slow
//! transaction that makes the difference: it draws an id early and commits late.

use std::{fs, path::Path, sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;
use test_kit::{Signal, program::path_of};
use tokio::{task::JoinSet, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::{
    check::{Followed, Follower},
    instance::Instance,
    system::{DATABASE, System},
};

/// 32 bytes.
const CREDENTIALS_KEY: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const FORMS: &str = "/api/v1/table-data/submissions/form?columns=id";
/// The message ids of rows that no sender has sent.
pub const SLOW: &str = "slow-";

/// Longer than any fault keeps the reader from answering.
const PATIENCE: Duration = Duration::from_secs(60);
const AFTER_A_FAILURE: Duration = Duration::from_millis(100);
/// Of the clients that do not wait for rows.
const BETWEEN_PAGES: Duration = Duration::from_millis(150);

/// The reader and its clients.
pub struct Following {
    reader: Arc<Instance>,
    system: Arc<System>,
    slow: JoinSet<()>,
    stop_slow: CancellationToken,
    clients: JoinSet<Result<Followed>>,
    /// Every row is visible now: the next page that is empty is the end.
    all_visible: CancellationToken,
}

impl Following {
    /// Starts the reader, and everybody who follows.
    pub async fn start(system: &Arc<System>, directory: &Path) -> Result<Self> {
        let (logs, url) = (directory.join("logs"), system.database_url.as_str());
        fs::create_dir_all(&logs)?;
        let variables = [("DATABASE_URL", url), ("CREDENTIALS_KEY", CREDENTIALS_KEY)];
        let reader = Instance::new("reader", 0, &logs, &variables)?;
        let key = add_client(&variables).await?;
        reader.start().await?;
        reader.wait_until_ready().await?;
        let all_visible = CancellationToken::new();
        let mut clients = JoinSet::new();
        for (follower, query) in [
            (Follower::Waiting, "&limit=1000&wait=5"),
            // Its pages are often full.
            (Follower::Polling, "&limit=20"),
        ] {
            let (url, key) = (format!("{}{query}", reader.url(FORMS)), key.clone());
            clients.spawn(follow(follower, url, key, all_visible.clone()));
        }
        clients.spawn(page_bare_table(Arc::clone(system), all_visible.clone()));
        let (slow, stop_slow) = (JoinSet::new(), CancellationToken::new());
        Ok(Self { reader, system: Arc::clone(system), slow, stop_slow, clients, all_visible })
    }

    /// From now on there is a slow transaction most of the time.
    pub fn start_slow_transactions(&mut self, seed: u64) {
        let (system, stop) = (Arc::clone(&self.system), self.stop_slow.clone());
        self.slow.spawn(insert_slowly(system, seed, stop));
    }

    /// Waits until every row is visible and everybody has seen the end; returns what they have seen.
    pub async fn finish(mut self) -> Result<Vec<Followed>> {
        self.stop_slow.cancel();
        while self.slow.join_next().await.is_some() {}
        let visible = async {
            let step = "select watermark >= (select coalesce(max(id), 0) from forms) from advance_watermark('forms')";
            while !self.system.postgres.sql(DATABASE, step).await.is_ok_and(|shown| shown == "t") {
                sleep(AFTER_A_FAILURE).await;
            }
        };
        tokio::time::timeout(PATIENCE, visible).await.context("rows stay invisible")?;
        self.all_visible.cancel();
        let mut followed = Vec::new();
        let ended = async {
            while let Some(ended) = self.clients.join_next().await {
                followed.push(ended??);
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(PATIENCE, ended).await.context("the reader does not answer")??;
        let code = self.reader.stop(Signal::Term).await?;
        ensure!(code == Some(0), "the reader did not stop properly; its log is kept");
        followed.sort_by_key(|followed| followed.follower);
        Ok(followed)
    }
}

/// Returns the key of a client that may read the forms.
async fn add_client(variables: &[(&str, &str)]) -> Result<String> {
    let mut manage = tokio::process::Command::new(path_of("manage"));
    manage.env_clear().envs(variables.iter().copied()).env("MANAGE_ACTOR", "chaos");
    manage.args(["clients", "add", "follower", "--scope", "submissions/*", "--json"]);
    let output = manage.output().await.context("cannot run manage")?;
    ensure!(output.status.success(), "manage: {}", String::from_utf8_lossy(&output.stderr));
    let added: Value = serde_json::from_slice(&output.stdout)?;
    let key = added.get("key").and_then(Value::as_str);
    Ok(key.context("manage shows no key")?.to_owned())
}

/// Continues after the `last_id` of the page before until nothing is left, and tries again after every failure.
async fn follow(
    follower: Follower,
    url: String,
    key: String,
    all_visible: CancellationToken,
) -> Result<Followed> {
    let client = reqwest::Client::new();
    let mut seen: Vec<u64> = Vec::new();
    let mut last = 0;
    loop {
        // Before the request: an empty page may have been made just before the last row.
        let is_last = all_visible.is_cancelled();
        let request = client.get(format!("{url}&after={last}")).bearer_auth(&key);
        let Some(page) = page(request.timeout(PATIENCE)).await else {
            sleep(AFTER_A_FAILURE).await;
            continue;
        };
        let rows = page.get("values").and_then(Value::as_array).context("a page has no values")?;
        for row in rows {
            seen.push(row.get(0).and_then(Value::as_u64).context("a row has no id")?);
        }
        last = page.get("last_id").and_then(Value::as_u64).context("a page has no last_id")?;
        if rows.is_empty() {
            if is_last {
                return Ok(Followed { follower, seen });
            }
            if follower == Follower::Polling {
                sleep(BETWEEN_PAGES).await;
            }
        }
    }
}

/// `None` if the reader cannot answer now.
async fn page(request: reqwest::RequestBuilder) -> Option<Value> {
    let answer = request.send().await.ok()?.error_for_status().ok()?;
    answer.json().await.ok()
}

/// What anybody would do who has only the table: continue after the largest id.
async fn page_bare_table(system: Arc<System>, all_visible: CancellationToken) -> Result<Followed> {
    let mut seen: Vec<u64> = Vec::new();
    loop {
        let is_last = all_visible.is_cancelled();
        let last = seen.last().copied().unwrap_or_default();
        let query = format!("select id from forms where id > {last} order by id limit 1000");
        match system.postgres.sql(DATABASE, query).await {
            Ok(page) if page.is_empty() && is_last => {
                return Ok(Followed { follower: Follower::BareTable, seen });
            }
            Ok(page) => {
                for id in page.lines() {
                    seen.push(id.parse()?);
                }
                sleep(BETWEEN_PAGES).await;
            }
            Err(_) => sleep(AFTER_A_FAILURE).await,
        }
    }
}

/// Other faults may end a transaction; then its row is gone for good, which is fine too.
async fn insert_slowly(system: Arc<System>, seed: u64, stop: CancellationToken) {
    let mut rng = StdRng::seed_from_u64(seed ^ 0x510e);
    for number in 0_u64.. {
        let held = f64::from(rng.random_range(500..1500)) / 1000.0;
        let end = if rng.random_bool(0.8) { "commit" } else { "rollback" };
        let statements = format!(
            "begin; insert into forms (form_type, sqs_message_id, data) values ('form', '{SLOW}{number}', '{{\"data\": \"slow\"}}'); \
             select pg_sleep({held}); {end}"
        );
        let _ = system.postgres.sql(DATABASE, statements).await;
        let pause = sleep(Duration::from_millis(rng.random_range(300..1000)));
        if stop.run_until_cancelled(pause).await.is_none() {
            return;
        }
    }
}
