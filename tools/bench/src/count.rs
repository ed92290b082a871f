//! Counts instructions per submission with valgrind. The count barely changes from run to run, even on a busy machine.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use test_kit::{Service, forms, sqs::Counts, wait};

use crate::{
    fill_queue::fill_queue,
    forms_table::FormsTable,
    lab::{Lab, QueueBuild, Revision, service_variables, spawn, worker_variables},
    load::{self, Pace},
    requests::{self, QUEUE},
    table::number,
};

/// Submissions before the count begins, so that connecting and other one-time work is not counted.
const WARM_UP: u64 = 1500;
const COUNTED: u64 = 4000;
/// Functions in a profile.
const FUNCTIONS: usize = 100;
const CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(120);
const HEADING: &str = "## Instructions per submission";

/// Instructions per submission.
struct Instructions<'a> {
    revision: &'a str,
    api: f64,
    worker: f64,
}

/// Counts api and worker of each revision, prints the table and writes it to `docs`. The profiles go to `profiles`.
pub fn count(lab: &Lab, revisions: &[Revision], profiles: &Path, docs: &Path) -> Result<()> {
    let mut counts = Vec::new();
    for revision in revisions {
        let profiles = profiles.join(&revision.name);
        fs::create_dir_all(&profiles)?;
        counts.push(Instructions {
            revision: &revision.name,
            api: count_api(lab, revision, &profiles)?,
            worker: count_worker(lab, revision, &profiles)?,
        });
    }
    let section = section(&counts);
    println!("\n{section}");
    let directory = docs.join("benchmarks");
    fs::create_dir_all(&directory)?;
    fs::write(directory.join("instructions.md"), &section)?;
    replace_section(&docs.join("benchmarks.md"), &section)
}

fn section(counts: &[Instructions<'_>]) -> String {
    let row = |name: &str, cell: &dyn Fn(&Instructions<'_>) -> String| {
        let cells: String = counts.iter().map(|counts| format!(" {} |", cell(counts))).collect();
        format!("| {name} |{cells}\n")
    };
    let heading: String = counts.iter().map(|counts| format!(" {} |", counts.revision)).collect();
    let separator = "---:|".repeat(counts.len());
    format!(
        "{HEADING}\n\n\
         Written by `make count`: valgrind's callgrind counts the instructions of a process over {COUNTED} registrations of 1,024 bytes, \
         after {WARM_UP} uncounted ones.\n\
         The api has {CONNECTIONS} connections. It waits longer for batches to fill (`SQS_SEND_LINGER_MS=1000`), because it is about fifty times slower under valgrind.\n\
         The worker has a full queue.\n\
         valgrind runs one thread at a time and does not support the SHA-256 instructions of the processor.\n\n\
         | |{heading}\n|---|{separator}\n{}{}",
        row("api", &|counts| number(counts.api)),
        row("worker", &|counts| number(counts.worker)),
    )
}

/// Replaces the section at the end of the document, if there is a document.
fn replace_section(document: &Path, section: &str) -> Result<()> {
    let Ok(text) = fs::read_to_string(document) else { return Ok(()) };
    let before = text.split(&format!("\n{HEADING}")).next().unwrap_or_default();
    fs::write(document, format!("{}\n\n{section}", before.trim_end()))?;
    Ok(())
}

fn count_api(lab: &Lab, revision: &Revision, profiles: &Path) -> Result<f64> {
    let server = lab.queue_server(QueueBuild::Shipped, Duration::ZERO);
    let mut variables = service_variables(server.sqs.endpoint());
    variables.extend([("UI_SECRET", forms::SECRET), ("SQS_SEND_TIMEOUT_SECONDS", "60")]);
    // Under valgrind too few forms arrive in 5 ms to fill batches, which are full in a real run.
    variables.push(("SQS_SEND_LINGER_MS", "1000"));
    let api = Profiled::start("api", revision, profiles, &variables);
    lab.wait(api.service.ready());
    let send = |count: u64| -> Result<()> {
        // All are due at once.
        let rate = count as f64 * 1000.0;
        let during = Duration::from_secs_f64((count as f64 + 0.5) / rate);
        let target = api.service.address();
        let run = load::run(target, &lab.forms, CONNECTIONS, Pace::PerSecond(rate), during);
        let accepted = lab.wait(run)?.accepted;
        ensure!(accepted == count, "only {accepted} of {count} forms were accepted");
        Ok(())
    };
    send(WARM_UP)?;
    api.count(|| send(COUNTED))
}

fn count_worker(lab: &Lab, revision: &Revision, profiles: &Path) -> Result<f64> {
    let server = lab.queue_server(QueueBuild::Shipped, Duration::ZERO);
    let database = lab.database_of(revision)?;
    let mut table = FormsTable::connect(&database)?;
    let variables = worker_variables(server.sqs.endpoint(), &database);
    let worker = Profiled::start("worker", revision, profiles, &variables);
    lab.wait(worker.service.ready());
    let mut sent = 0;
    let mut store = |count: u64| -> Result<()> {
        sent += fill_queue(lab, &server, count, requests::form)?;
        let deadline = Instant::now() + PATIENCE;
        while table.count()? < sent {
            ensure!(Instant::now() < deadline, "the worker stopped storing");
            thread::sleep(Duration::from_millis(20));
        }
        // The worker deletes the last messages after it has stored them.
        lab.wait(wait::until("the queue is empty", async || {
            (server.sqs.counts(QUEUE).await == Counts::NONE).then_some(())
        }));
        Ok(())
    };
    store(WARM_UP)?;
    worker.count(|| store(COUNTED))
}

/// A service under callgrind.
struct Profiled {
    service: Service,
    name: &'static str,
    profiles: PathBuf,
}

impl Profiled {
    fn start(
        name: &'static str,
        revision: &Revision,
        profiles: &Path,
        variables: &[(&str, &str)],
    ) -> Self {
        let out = profiles.join(format!("{name}.out"));
        let mut valgrind = Command::new("valgrind");
        valgrind.arg("--tool=callgrind").arg(format!("--callgrind-out-file={}", out.display()));
        let service = spawn(name, valgrind.arg(revision.programs.join(name)), variables);
        Self { service, name, profiles: profiles.to_owned() }
    }

    /// The instructions per submission during `work`; writes the profile.
    fn count(&self, work: impl FnOnce() -> Result<()>) -> Result<f64> {
        let pid = self.service.pid().to_string();
        output("callgrind_control", &["--zero", &pid])?;
        work()?;
        output("callgrind_control", &["--dump=counted", &pid])?;
        let dump = self.profiles.join(format!("{}.out.1", self.name));
        let text = fs::read_to_string(&dump).context("callgrind wrote no dump")?;
        let total = text
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix("totals: ").or(line.strip_prefix("summary: ")));
        let total: f64 =
            total.and_then(|number| number.trim().parse().ok()).context("the dump has no total")?;
        fs::write(self.profiles.join(format!("{}.txt", self.name)), profile(&dump)?)?;
        Ok(total / COUNTED as f64)
    }
}

/// The most expensive functions. Of the outermost functions, which started before the count, callgrind only knows
/// their callees.
fn profile(dump: &Path) -> Result<String> {
    let dump = dump.to_string_lossy();
    let mut text = String::new();
    for (title, inclusive) in
        [("by itself", "--inclusive=no"), ("with its callees", "--inclusive=yes")]
    {
        let options = ["--auto=no", "--threshold=100", inclusive, &dump];
        let annotated = output("callgrind_annotate", &options)?;
        let functions = annotated.lines().filter(|line| line.contains("%)")).take(FUNCTIONS);
        let functions = functions.collect::<Vec<_>>().join("\n");
        writeln!(text, "=== instructions of each function {title} ===\n{functions}\n")?;
    }
    Ok(text)
}

fn output(program: &str, arguments: &[&str]) -> Result<String> {
    let output = Command::new(program)
        .args(arguments)
        .output()
        .with_context(|| format!("cannot run {program}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program}: {text}{errors}");
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_revision_has_a_column() {
        let counts = [
            Instructions { revision: "current", api: 292_353.0, worker: 175_577.0 },
            Instructions { revision: "v1", api: 411_945.0, worker: 194_139.0 },
        ];
        let table = "| | current | v1 |\n|---|---:|---:|\n| api | 292,353 | 411,945 |\n\
                     | worker | 175,577 | 194,139 |\n";
        assert!(section(&counts).ends_with(table), "{}", section(&counts));
    }
}
