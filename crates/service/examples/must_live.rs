//! A process of tasks that must live, beside one that need not. The first argument says which of
//! them panics; the tests look at the exit status and the log.

use std::{process::ExitCode, time::Duration};

use service::{
    logging,
    must_live::must_live,
    run::run_to_completion,
    settings::{Environment, LogSettings},
};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

/// How long the process runs if nothing ends it.
const LIFE: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let mut environment = Environment::of_process();
    logging::start(&LogSettings::read(&mut environment));
    let panicking = std::env::args().nth(1).unwrap_or_default();
    run_to_completion(async move {
        let mut tasks = JoinSet::new();
        for name in ["first", "second"] {
            let panics = panicking == name;
            tasks.spawn(must_live(name, work(panics)));
        }
        tasks.spawn(work(panicking == "other"));
        let all = async { while tasks.join_next().await.is_some() {} };
        // The tasks that do not panic go on.
        let _ = timeout(LIFE, all).await;
        Ok(())
    })
}

#[expect(clippy::panic, reason = "the tests look at what follows")]
async fn work(panics: bool) {
    // A panic in the first poll and one after a wait take the same way.
    sleep(Duration::from_millis(10)).await;
    if panics {
        panic!("canary");
    }
    std::future::pending().await
}
