//! Instructions per submission, by valgrind: the same from run to run, whatever else the machine does.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use test_kit::Service;

use crate::{
    backlog,
    load::{self, Pace},
    rows::Rows,
    surroundings::{Build, Ground, Side, address, of_every_service, spawn, worker_variables},
    table::number,
};

/// Submissions before the count begins: what happens once, such as connecting, is not counted.
const WARM_UP: u64 = 1500;
/// Submissions that are counted.
const COUNTED: u64 = 4000;
/// Functions in a profile.
const FUNCTIONS: usize = 100;
const CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(120);

/// Counts api and worker of each revision, the current one first, prints what came out, and writes it to docs; the
/// profiles go to `profiles`.
///
/// # Errors
/// valgrind is not there, or something does not answer.
pub fn count(ground: &Ground, sides: &[Side], profiles: &Path, docs: &Path) -> anyhow::Result<()> {
    let mut lines = ["| |", "|---|", "| api |", "| worker |"].map(str::to_owned);
    for side in sides {
        let profiles = profiles.join(&side.name);
        fs::create_dir_all(&profiles)?;
        let cells = [
            format!(" {} |", side.name),
            "---:|".to_owned(),
            format!(" {} |", number(api(ground, side, &profiles)?)),
            format!(" {} |", number(worker(ground, side, &profiles)?)),
        ];
        lines.iter_mut().zip(cells).for_each(|(line, cell)| line.push_str(&cell));
    }
    let text = format!(
        "## Instructions per submission\n\n\
         Written by `make count`: valgrind's callgrind counts the instructions of a process over {COUNTED} registrations of 1,024 bytes, \
         after {WARM_UP} that are not counted.\n\
         The api has {CONNECTIONS} connections and waits longer for batches to fill (`SQS_SEND_LINGER_MS=1000`, because it is some fifty times slower here), the worker has a full queue.\n\
         valgrind runs one thread at a time and has no instructions for SHA-256.\n\n{}\n",
        lines.join("\n")
    );
    println!("\n{text}");
    let pictures = docs.join("benchmarks");
    fs::create_dir_all(&pictures)?;
    fs::write(pictures.join("instructions.md"), &text)?;
    put_into(&docs.join("benchmarks.md"), &text)
}

/// Replaces the section in the document, where there is one.
fn put_into(document: &Path, section: &str) -> anyhow::Result<()> {
    let Ok(text) = fs::read_to_string(document) else { return Ok(()) };
    let before = text.split("\n## Instructions per submission").next().unwrap_or_default();
    fs::write(document, format!("{}\n\n{section}", before.trim_end()))?;
    Ok(())
}

fn api(ground: &Ground, side: &Side, profiles: &Path) -> anyhow::Result<f64> {
    let server = ground.queue_server(Build::Shipped, Duration::ZERO);
    let mut variables = of_every_service(server.sqs.endpoint());
    variables.extend([("UI_SECRET", test_kit::forms::SECRET), ("SQS_SEND_TIMEOUT_SECONDS", "60")]);
    // Under valgrind too few forms come in 5 ms to fill the batches that are full in a real run.
    variables.push(("SQS_SEND_LINGER_MS", "1000"));
    let out = profiles.join("api.out");
    let api = under_valgrind(&out, "api", &side.services, &variables)?;
    ground.ready(&api);
    let send = |count: u64| -> anyhow::Result<()> {
        // All are due at once.
        let rate = count as f64 * 1000.0;
        let run = load::run(
            address(&api),
            &ground.forms,
            CONNECTIONS,
            Pace::PerSecond(rate),
            Duration::from_secs_f64((count as f64 + 0.5) / rate),
        );
        let outcome = ground.wait(run)?;
        ensure!(outcome.accepted == count, "{} of {count} forms were accepted", outcome.accepted);
        Ok(())
    };
    send(WARM_UP)?;
    counted(&api, &out, profiles, "api", || send(COUNTED))
}

fn worker(ground: &Ground, side: &Side, profiles: &Path) -> anyhow::Result<f64> {
    let server = ground.queue_server(Build::Shipped, Duration::ZERO);
    let database = ground.database()?;
    let mut rows = Rows::at(&database)?;
    let out = profiles.join("worker.out");
    let worker = under_valgrind(
        &out,
        "worker",
        &side.services,
        &worker_variables(server.sqs.endpoint(), &database),
    )?;
    ground.ready(&worker);
    let mut stored = 0;
    let mut store = |count: u64| -> anyhow::Result<()> {
        stored += backlog::fill(ground, &server, count)?;
        let deadline = Instant::now() + PATIENCE;
        while rows.count()? < stored {
            ensure!(Instant::now() < deadline, "the worker has stopped storing");
            thread::sleep(Duration::from_millis(20));
        }
        // The last messages are deleted after they are stored.
        ground.wait(test_kit::wait::until("the queue is empty", async || {
            let counts = server.sqs.counts(crate::requests::QUEUE).await;
            (counts == test_kit::sqs::Counts::NONE).then_some(())
        }));
        Ok(())
    };
    store(WARM_UP)?;
    counted(&worker, &out, profiles, "worker", || store(COUNTED))
}

fn under_valgrind(
    out: &Path,
    program: &str,
    services: &Path,
    variables: &[(&str, &str)],
) -> anyhow::Result<Service> {
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", out.display()));
    Ok(spawn(program, valgrind.arg(services.join(program)), variables))
}

/// The instructions of the service while this is done, per submission; the profile is written beside.
fn counted(
    service: &Service,
    out: &Path,
    profiles: &Path,
    name: &str,
    work: impl FnOnce() -> anyhow::Result<()>,
) -> anyhow::Result<f64> {
    let pid = service.pid().to_string();
    said("callgrind_control", &["--zero", &pid])?;
    work()?;
    said("callgrind_control", &["--dump=counted", &pid])?;
    let dump = PathBuf::from(format!("{}.1", out.display()));
    let text = fs::read_to_string(&dump).context("callgrind leaves no dump")?;
    let total = text
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")));
    let total: f64 =
        total.and_then(|number| number.trim().parse().ok()).context("the dump has no total")?;
    let path = dump.to_string_lossy().into_owned();
    // Of the outermost functions, which had begun before the count did, callgrind knows only what they call.
    let mut profile = String::new();
    for (title, inclusive) in
        [("by itself", "--inclusive=no"), ("with what it calls", "--inclusive=yes")]
    {
        let annotated =
            said("callgrind_annotate", &["--auto=no", "--threshold=100", inclusive, &path])?;
        let functions: Vec<&str> =
            annotated.lines().filter(|line| line.contains("%)")).take(FUNCTIONS).collect();
        let _ = writeln!(
            profile,
            "=== instructions of each function {title} ===\n{}\n",
            functions.join("\n")
        );
    }
    fs::write(profiles.join(format!("{name}.txt")), profile)?;
    Ok(total / COUNTED as f64)
}

fn said(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("{program} cannot be run"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    ensure!(
        output.status.success(),
        "{program}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(text)
}
