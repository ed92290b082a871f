//! PostgreSQL, stopped and started on demand.
//!
//! A thread of its own owns the server: the server stops with that thread, however the program ends.

use std::{path::PathBuf, sync::mpsc, thread};

use anyhow::{Context, Result};
use test_kit::postgres::{Cluster, ClusterOptions, PostgresError, Shutdown};
use tokio::sync::oneshot;

use crate::system::sql_at;

/// A running server, or a stopped one. It is stopped on drop.
pub struct Postgres {
    orders: Option<mpsc::Sender<Order>>,
    owner: Option<thread::JoinHandle<()>>,
    /// The superuser's URL, up to the database's name.
    url: String,
    port: u16,
}

enum Order {
    Stop(Shutdown, oneshot::Sender<Result<(), PostgresError>>),
    Start(oneshot::Sender<Result<(), PostgresError>>),
    Log(oneshot::Sender<String>),
}

impl Postgres {
    /// Starts one in this directory.
    ///
    /// # Errors
    /// It does not start.
    pub async fn start(directory: PathBuf, port: u16) -> Result<Self> {
        let (orders, arrivals) = mpsc::channel();
        let (started, url) = oneshot::channel();
        let owner = thread::spawn(move || own(&directory, port, started, &arrivals));
        let url =
            url.await.context("PostgreSQL's thread ended")?.context("PostgreSQL does not start")?;
        Ok(Self { orders: Some(orders), owner: Some(owner), url, port })
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The superuser's URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("{}{database}", self.url)
    }

    /// What psql answers to the superuser.
    ///
    /// # Errors
    /// What psql says.
    pub async fn sql(&self, database: &str, statements: impl Into<String>) -> Result<String> {
        sql_at(self.url(database), statements.into()).await
    }

    /// Stops it, and returns when it has ended.
    ///
    /// # Errors
    /// Its thread has ended.
    pub async fn stop(&self, shutdown: Shutdown) -> Result<()> {
        Ok(self.order(|done| Order::Stop(shutdown, done)).await??)
    }

    /// Starts it again on its port; one that runs is left alone.
    ///
    /// # Errors
    /// It does not start.
    pub async fn restart(&self) -> Result<()> {
        Ok(self.order(Order::Start).await??)
    }

    /// What it has written.
    ///
    /// # Errors
    /// Its thread has ended.
    pub async fn log(&self) -> Result<String> {
        self.order(Order::Log).await
    }

    async fn order<T>(&self, order: impl FnOnce(oneshot::Sender<T>) -> Order) -> Result<T> {
        let (done, answer) = oneshot::channel();
        self.orders
            .as_ref()
            .and_then(|orders| orders.send(order(done)).ok())
            .context("PostgreSQL's thread ended")?;
        answer.await.context("PostgreSQL's thread ended")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(owner) = self.owner.take() {
            let _ = owner.join();
        }
    }
}

fn own(
    directory: &std::path::Path,
    port: u16,
    started: oneshot::Sender<Result<String, PostgresError>>,
    orders: &mpsc::Receiver<Order>,
) {
    let settings =
        [("fsync", "off"), ("max_connections", "60"), ("log_min_error_statement", "panic")];
    let options = ClusterOptions {
        // What is killed here is the server, never the machine.
        settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
        stop_with_thread: cfg!(target_os = "linux"),
    };
    let mut cluster = match Cluster::open_with(directory, port, options) {
        Ok(cluster) => cluster,
        Err(error) => return drop(started.send(Err(error))),
    };
    if started.send(Ok(cluster.url(""))).is_err() {
        return;
    }
    // Whoever gave an order may have gone.
    while let Ok(order) = orders.recv() {
        match order {
            Order::Stop(shutdown, done) => {
                cluster.stop(shutdown);
                drop(done.send(Ok(())));
            }
            Order::Start(done) => drop(done.send(cluster.start())),
            Order::Log(done) => drop(done.send(cluster.log())),
        }
    }
    cluster.stop(Shutdown::Immediate);
}
