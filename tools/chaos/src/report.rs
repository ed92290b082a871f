//! The report: Markdown with figures and a timeline, and a plot beside it.

use std::{
    collections::BTreeMap,
    fmt::{self, Write},
    fs,
    path::Path,
};

use anyhow::{Context, Result};

use crate::{
    check::{Figures, Violation},
    history::{FaultRecord, Outcome},
    plot::{Marks, Plot, Point, Series},
    run::{RunOptions, RunResult},
    size::{self, BYTES_PER_SECOND, CLASSES},
    watch::Sample,
};

/// A row of the timeline covers this many seconds.
const STEP_S: u64 = 10;

pub struct ReportRow {
    pub name: &'static str,
    pub value: String,
}

impl RunResult {
    /// Writes `<stem>.md` and `<stem>.svg`.
    pub fn write_report(&self, stem: &Path) -> Result<()> {
        let name =
            stem.file_name().and_then(|name| name.to_str()).context("the report has no name")?;
        let mut text = String::new();
        self.write_markdown(&mut text, &format!("{name}.svg"))?;
        fs::write(stem.with_extension("md"), text)?;
        fs::write(stem.with_extension("svg"), self.plot()?)?;
        Ok(())
    }

    fn count_violations(&self, is: fn(&Violation) -> bool) -> usize {
        self.verdict.violations.iter().filter(|violation| is(violation)).count()
    }

    pub fn figures(&self) -> Vec<ReportRow> {
        let Figures {
            submissions,
            attempts,
            accepted,
            refused,
            unknown,
            unknown_stored,
            rows,
            accepted_forms,
            accepted_stored,
            accepted_waiting,
            accepted_in_both,
            kept,
            kept_copies,
            came_back,
        } = self.verdict.figures;
        let faults = self.history.faults();
        let kills = faults.iter().filter(|fault| fault.kind.starts_with("kill -9")).count();
        let lost = self.count_violations(|violation| matches!(violation, Violation::Lost(..)));
        let doubled =
            self.count_violations(|violation| matches!(violation, Violation::Doubled(..)));
        let figures = [
            ("submissions sent", format!("{submissions}, in {attempts} attempts")),
            ("accepted: 202, or confirmed on the queue", accepted.to_string()),
            ("refused with 4xx, as expected", refused.to_string()),
            (
                "unknown: no answer, or 5xx",
                format!("{unknown}, of which {unknown_stored} are stored"),
            ),
            ("kills with `kill -9`", kills.to_string()),
            ("restarts of a service", self.restarts.to_string()),
            ("faults in total", faults.len().to_string()),
            ("deadlocks that PostgreSQL resolved", self.deadlocks.to_string()),
            ("duplicates delivered, recognised as already stored", self.already_stored.to_string()),
            ("rows", rows.to_string()),
            ("invalid, kept in the database", format!("{kept} messages, in {kept_copies} copies")),
            ("waiting after `worker redrive` had taken them up", came_back.to_string()),
            ("accepted forms", accepted_forms.to_string()),
            (
                "of them stored",
                format!("{accepted_stored}, {accepted_in_both} of them while a copy waits"),
            ),
            ("of them refused by PostgreSQL, and waiting", accepted_waiting.to_string()),
            ("**lost**", format!("**{lost}**")),
            ("**doubled**", format!("**{doubled}**")),
            ("violations of any kind", self.verdict.violations.len().to_string()),
        ];
        figures.map(|(name, value)| ReportRow { name, value }).into()
    }

    fn write_markdown(&self, text: &mut String, plot: &str) -> fmt::Result {
        let RunOptions { seed, time, senders, .. } = &self.options;
        let seconds = time.as_secs();
        writeln!(
            text,
            "# Random faults, and what became of the forms\n\n\
             Two apis, two workers, local-sqs on disk and PostgreSQL ran for {seconds} s. \
             Meanwhile {senders} senders posted forms and put messages on the queue, and random faults broke every part of the system.\n\
             Some of the time, PostgreSQL refused a fifth of the forms, and somebody sent kept messages back with a command that was killed.\n\
             Afterwards the program purged both queues, and compared every submission with the stored rows and the kept messages by its SHA-256: every character counts, and every number with its scale.\n\
             `make chaos SEED={seed} SECONDS={seconds}` draws the same forms and faults again. The program wrote this page.\n\n\
             | | |\n|---|---|"
        )?;
        for ReportRow { name, value } in self.figures() {
            writeln!(text, "| {name} | {value} |")?;
        }
        writeln!(
            text,
            "\nEvery accepted form is one row, or waits in `invalid_messages`; it is lost if it does neither.\n\
             It may do both if PostgreSQL refused it, and stored it when its message came again.\n\
             A submission with an unknown outcome may be stored once or not at all, but never in part.\n\
             A crash between the send to the invalid queue and the delete leaves two copies of one message there, which are kept as one.\n\n\
             ![Accepted, stored and in flight over time]({plot})\n"
        )?;
        self.write_sizes(text)?;
        self.write_answers(text)?;
        self.write_kinds(text)?;
        self.write_memory(text)?;
        self.write_violations(text)?;
        self.write_timeline(text)
    }

    fn write_sizes(&self, text: &mut String) -> fmt::Result {
        #[derive(Default)]
        struct Sizes {
            submissions: usize,
            accepted: usize,
            bytes: usize,
        }
        let mut sizes: BTreeMap<&str, Sizes> = BTreeMap::new();
        for submission in self.history.submissions() {
            let of_class = sizes.entry(size::class_of(submission.bytes)).or_default();
            of_class.submissions += 1;
            of_class.accepted += usize::from(submission.is_accepted());
            of_class.bytes += submission.bytes * submission.attempts;
        }
        writeln!(
            text,
            "## Sizes\n\n\
             The seed determines the sizes too. Each sender sends at most {} KiB a second, so that large forms do not take the place of all others.\n\n\
             | size of the body | submissions | accepted | sent, in KiB |\n|---|---|---|---|",
            BYTES_PER_SECOND / 1024
        )?;
        for name in CLASSES.map(|class| class.name) {
            let Sizes { submissions, accepted, bytes } = sizes.remove(name).unwrap_or_default();
            writeln!(text, "| {name} | {submissions} | {accepted} | {} |", bytes / 1024)?;
        }
        writeln!(text)
    }

    fn write_answers(&self, text: &mut String) -> fmt::Result {
        let mut answers: BTreeMap<String, usize> = BTreeMap::new();
        for outcome in self.history.submissions().iter().flat_map(|submission| &submission.outcomes)
        {
            let answer = match outcome {
                Outcome::Accepted(_) => "accepted".to_owned(),
                Outcome::Refused(status) => format!("refused: {status}"),
                // Only the first words of an error of SQS: its status, or the kind of connection error.
                Outcome::Unknown(why) => {
                    format!("unknown: {}", why.split(['{', '(']).next().unwrap_or_default().trim())
                }
            };
            *answers.entry(answer).or_default() += 1;
        }
        writeln!(text, "## Answers to the senders\n\n| answer | attempts |\n|---|---|")?;
        for (answer, count) in answers {
            writeln!(text, "| {answer} | {count} |")?;
        }
        writeln!(text)
    }

    fn write_kinds(&self, text: &mut String) -> fmt::Result {
        let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
        self.history.faults().iter().for_each(|fault| *kinds.entry(fault.kind).or_default() += 1);
        writeln!(text, "## Faults\n\n| fault | times |\n|---|---|")?;
        for (kind, count) in kinds {
            writeln!(text, "| {kind} | {count} |")?;
        }
        writeln!(
            text,
            "\nNo fault deletes a queue, because a deleted queue loses its messages by definition.\n"
        )
    }

    fn write_memory(&self, text: &mut String) -> fmt::Result {
        writeln!(
            text,
            "## Memory\n\nResident memory in MiB. First and last are means over a tenth of the time.\n"
        )?;
        writeln!(text, "| process | first | last | peak |\n|---|---|---|---|")?;
        for name in ["api-1", "worker-1", "local-sqs-1"] {
            let sizes: Vec<f64> = self
                .samples
                .iter()
                .filter_map(|sample| sample.memory.get(name))
                .map(mebibytes)
                .collect();
            let tenth = (sizes.len() / 10).max(1);
            let mean = |sizes: &[f64]| sizes.iter().sum::<f64>() / sizes.len().max(1) as f64;
            let first = mean(sizes.get(..tenth).unwrap_or_default());
            let last = mean(sizes.get(sizes.len().saturating_sub(tenth)..).unwrap_or_default());
            let peak = sizes.iter().copied().fold(0.0, f64::max);
            writeln!(text, "| {name} | {first:.1} | {last:.1} | {peak:.1} |")?;
        }
        let spared = self.options.pace.is_some_and(|pace| pace.spare_the_first);
        let restarts = if spared {
            "The first api and worker were never restarted."
        } else {
            "All of them were restarted many times."
        };
        writeln!(text, "\n{restarts}\n")
    }

    fn write_violations(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "## Broken promises\n")?;
        if self.verdict.violations.is_empty() {
            return writeln!(text, "None.\n");
        }
        for violation in &self.verdict.violations {
            writeln!(text, "- {violation}")?;
        }
        writeln!(text)
    }

    fn write_timeline(&self, text: &mut String) -> fmt::Result {
        let mut steps: BTreeMap<u64, Vec<&FaultRecord>> = BTreeMap::new();
        let faults = self.history.faults();
        faults
            .iter()
            .for_each(|fault| steps.entry(fault.at_ms / 1000 / STEP_S).or_default().push(fault));
        writeln!(text, "## Timeline\n\n<details><summary>{} faults</summary>\n", faults.len())?;
        writeln!(text, "| from | faults that began within {STEP_S} s |\n|---|---|")?;
        for (step, faults) in steps {
            let seconds = step * STEP_S;
            let what: Vec<_> = faults.iter().map(|fault| fault.what.as_str()).collect();
            writeln!(text, "| {}:{:02} | {} |", seconds / 60, seconds % 60, what.join("; "))?;
        }
        writeln!(text, "\n</details>")
    }

    fn plot(&self) -> Result<String> {
        let line = |name, value: fn(&Sample) -> Option<u64>| {
            let points = self
                .samples
                .iter()
                .filter_map(|sample| Some(Point { x: sample.at_s, y: value(sample)? as f64 }));
            Series { name, points: points.collect() }
        };
        let faults = self.history.faults();
        let marks = |name, is: fn(&str) -> bool| {
            let of_kind = faults.iter().filter(|fault| is(fault.kind));
            Marks { name, moments: of_kind.map(|fault| fault.at_ms as f64 / 1000.0).collect() }
        };
        let plot = Plot {
            title: "Accepted, stored and in flight while everything is broken",
            x: "time (s)",
            y: "forms",
            series: vec![
                line("accepted: 202, or confirmed on the queue", |sample| Some(sample.accepted)),
                line("stored: rows", |sample| sample.stored),
                line("in flight: on the queue", |sample| sample.in_flight),
            ],
            marks: vec![
                marks("a process is killed, stopped or frozen", |kind| {
                    kind.starts_with("kill") || kind.starts_with("SIG")
                }),
                marks("PostgreSQL is broken", |kind| kind.starts_with("PostgreSQL")),
                marks("SQS misbehaves", |kind| kind.starts_with("SQS")),
            ],
        };
        plot.svg()
    }
}

fn mebibytes(kibibytes: &u64) -> f64 {
    *kibibytes as f64 / 1024.0
}
