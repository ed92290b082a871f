//! The figures beside their targets.

use std::fmt::Write;

use crate::{
    intake::{Throughput, Waiting},
    through::Through,
    work::Drain,
};

/// All that was measured of one revision.
pub struct Measured {
    /// Of the intake.
    pub throughput: Throughput,
    /// Of the intake, without a round trip to SQS.
    pub at_once: Waiting,
    /// Of the intake, with one of 20 ms.
    pub delayed: Waiting,
    /// Of the worker as it is configured by default, with the backlog.
    pub backlog: Drain,
    /// Messages in the backlog.
    pub backlog_messages: u64,
    /// Of the worker with one connection.
    pub one_connection: Drain,
    /// Rows per second of a bare loop with as many rows in an insert as the worker had then, and with 500.
    pub bare: (f64, f64),
    /// Of the worker, with the calls counted.
    pub counted: Drain,
    /// Of the worker, with a round trip of 20 ms.
    pub drain_delayed: Drain,
    /// Of both.
    pub through: Through,
    /// With fauxqs as the queue: accepted per second, and rows per second.
    pub fauxqs: Option<(f64, f64)>,
}

/// What a figure has to be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
    /// It is only told.
    None,
}

/// One figure of each revision.
pub struct Row {
    /// What it is.
    pub what: String,
    /// What it has to be, and what is aimed for beyond that.
    pub target: Target,
    /// What is aimed for beyond the target.
    pub aim: Option<f64>,
    /// The current revision first; not every figure can be had everywhere.
    pub values: Vec<Option<f64>>,
}

impl Target {
    fn is_met_by(self, value: f64) -> Option<bool> {
        match self {
            Self::AtLeast(least) => Some(value >= least),
            Self::AtMost(most) => Some(value <= most),
            Self::None => None,
        }
    }
}

impl Row {
    /// `pass` or `miss` of the current revision, empty where there is no target.
    pub fn verdict(&self) -> &'static str {
        let value = self.values.first().copied().flatten();
        match value.and_then(|value| self.target.is_met_by(value)) {
            Some(true) => "pass",
            Some(false) => "**miss**",
            None if self.target == Target::None => "",
            None => "not measured",
        }
    }
}

/// The rows of the table, the current revision first.
pub fn rows(sides: &[Measured]) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row =
        |what: &str, target: Target, aim: Option<f64>, value: &dyn Fn(&Measured) -> Option<f64>| {
            rows.push(Row {
                what: what.to_owned(),
                target,
                aim,
                values: sides.iter().map(value).collect(),
            });
        };
    use Target::{AtLeast, AtMost, None as Told};
    let backlog = sides.first().map_or(0, |side| side.backlog_messages);

    row(
        "accepted/s with the real queue ÷ with the null sink, 64 connections",
        AtLeast(0.5),
        None,
        &|m| Some(m.throughput.accepted / m.throughput.null_sink),
    );
    row("accepted/s, 64 connections", AtLeast(8000.0), Some(15_000.0), &|m| {
        Some(m.throughput.accepted)
    });
    row("accepted/s by the null sink, 64 connections", Told, None, &|m| {
        Some(m.throughput.null_sink)
    });
    row("accepted/s at 20 ms, 256 connections", Told, None, &|m| Some(m.delayed.accepted));
    row("accepted/s at 20 ms ÷ with the null sink", Told, None, &|m| {
        Some(m.delayed.accepted / m.throughput.null_sink)
    });
    row("accepted/s with fauxqs, 64 connections", Told, None, &|m| {
        m.fauxqs.map(|(accepted, _)| accepted)
    });
    row("send calls per submission, saturated, 0 ms", AtMost(0.11), None, &|m| {
        Some(m.at_once.calls_at_most)
    });
    row("send calls per submission, saturated, 20 ms", AtMost(0.11), None, &|m| {
        Some(m.delayed.calls_at_most)
    });
    row("send calls per submission, 500/s, 20 ms", AtMost(0.45), None, &|m| {
        Some(m.delayed.calls_at_500)
    });
    let beyond = |(ours, raw): (f64, f64)| Some(ours - raw);
    row("ack − raw call, one connection, p50, 0 ms [ms]", AtMost(1.0), None, &|m| {
        beyond(m.at_once.one_connection)
    });
    row("ack − raw call, one connection, p50, 20 ms [ms]", AtMost(1.0), None, &|m| {
        beyond(m.delayed.one_connection)
    });
    row("ack p99, 70 % load, 20 ms [ms]", Told, None, &|m| Some(m.delayed.at_70.0));
    row("ack p99 − raw call p99, 70 % load, 20 ms [ms]", AtMost(10.0), None, &|m| {
        beyond(m.delayed.at_70)
    });
    row("ack p99 − raw call p99, 70 % load, 0 ms [ms]", Told, None, &|m| beyond(m.at_once.at_70));
    row(
        "worker rows/s ÷ bare insert loop, same batch, one connection each",
        AtLeast(0.4),
        Some(0.6),
        &|m| Some(m.one_connection.per_second / m.bare.0),
    );
    row("worker rows/s ÷ bare insert loop with 500 rows", Told, None, &|m| {
        Some(m.one_connection.per_second / m.bare.1)
    });
    row("worker rows/s, one connection", Told, None, &|m| Some(m.one_connection.per_second));
    row("rows in one insert of the worker, one connection", Told, None, &|m| {
        Some(m.one_connection.batch)
    });
    row("bare insert loop, rows/s, same batch", Told, None, &|m| Some(m.bare.0));
    row("bare insert loop, rows/s, 500 rows", Told, None, &|m| Some(m.bare.1));
    row("worker rows/s", AtLeast(15_000.0), Some(25_000.0), &|m| Some(m.backlog.per_second));
    row("worker rows/s at 20 ms, as configured by default", Told, None, &|m| {
        Some(m.drain_delayed.per_second)
    });
    row("worker rows/s with fauxqs", Told, None, &|m| m.fauxqs.map(|(_, rows)| rows));
    row("queue calls per submission by the worker, full queue", AtMost(0.21), None, &|m| {
        Some(m.counted.calls)
    });
    row("resident memory of the api at its peak [MiB]", AtMost(40.0), None, &|m| {
        Some(m.throughput.peak_mib.max(m.at_once.peak_mib).max(m.delayed.peak_mib))
    });
    row("resident memory of the worker at its peak [MiB]", AtMost(60.0), None, &|m| {
        Some(m.backlog.peak_mib)
    });
    row("POST → row visible, p99, 1,000/s, 0 ms [ms]", AtMost(50.0), None, &|m| {
        Some(m.through.p99)
    });
    row("POST → row visible, p50, 1,000/s, 0 ms [ms]", Told, None, &|m| Some(m.through.p50));
    row(
        &format!("backlog of {backlog}: slowest fifth ÷ average rate"),
        AtLeast(0.75),
        None,
        &|m| Some(m.backlog.steadiness()),
    );
    row(
        &format!("backlog of {backlog}: memory growth of the worker [MiB]"),
        AtMost(5.0),
        None,
        &|m| Some(m.backlog.growth_mib()),
    );
    rows
}

/// The table in Markdown, which reads well on a terminal too; `names` of the revisions, the current one first.
pub fn markdown(rows: &[Row], names: &[String]) -> String {
    let mut lines = vec![heading(names), separator(names)];
    for row in rows {
        let mut line = vec![row.what.clone(), target(row)];
        line.extend(row.values.iter().map(|value| value.map_or("–".to_owned(), number)));
        if let [Some(current), Some(base)] = row.values.as_slice() {
            line.push(if *base == 0.0 {
                "–".to_owned()
            } else {
                format!("{:.2}", current / base)
            });
        } else if names.len() > 1 {
            line.push("–".to_owned());
        }
        line.push(row.verdict().to_owned());
        lines.push(line);
    }
    let width = |column: usize| {
        lines
            .iter()
            .filter_map(|line| line.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let mut text = String::new();
    for line in &lines {
        for (column, cell) in line.iter().enumerate() {
            let padding = " ".repeat(width(column) - cell.chars().count());
            let _ = if column == 0 {
                write!(text, "| {cell}{padding} ")
            } else {
                write!(text, "| {padding}{cell} ")
            };
        }
        text.push_str("|\n");
    }
    text
}

fn heading(names: &[String]) -> Vec<String> {
    let mut heading = vec![String::new(), "target".to_owned()];
    heading.extend(names.iter().cloned());
    if names.len() > 1 {
        heading.push("ratio".to_owned());
    }
    heading.push(String::new());
    heading
}

fn separator(names: &[String]) -> Vec<String> {
    let columns = names.len() + 2 + usize::from(names.len() > 1);
    let mut separator = vec!["---".to_owned()];
    separator.extend((0..columns).map(|_| "---:".to_owned()));
    separator
}

fn target(row: &Row) -> String {
    let aim = row.aim.map_or(String::new(), |aim| format!(" (aim {})", number(aim)));
    match row.target {
        Target::AtLeast(least) => format!("≥ {}{aim}", number(least)),
        Target::AtMost(most) => format!("≤ {}{aim}", number(most)),
        Target::None => String::new(),
    }
}

/// As many digits as mean something.
pub fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 999.5 => {
            let digits = format!("{value:.0}");
            let groups: Vec<&str> = digits
                .as_bytes()
                .rchunks(3)
                .rev()
                .filter_map(|group| str::from_utf8(group).ok())
                .collect();
            groups.join(",")
        }
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(target: Target, values: Vec<Option<f64>>) -> Row {
        Row { what: "a figure".to_owned(), target, aim: None, values }
    }

    #[test]
    fn a_figure_passes_at_its_target_and_misses_beyond() {
        let cases = [
            (Target::AtLeast(0.5), Some(0.5), "pass"),
            (Target::AtLeast(0.5), Some(0.49), "**miss**"),
            (Target::AtMost(10.0), Some(10.0), "pass"),
            (Target::AtMost(10.0), Some(10.1), "**miss**"),
            (Target::AtMost(10.0), Some(f64::NAN), "**miss**"),
            (Target::AtMost(10.0), None, "not measured"),
            (Target::None, Some(1.0), ""),
        ];
        for (target, value, verdict) in cases {
            assert_eq!(row(target, vec![value]).verdict(), verdict, "{target:?} {value:?}");
        }
    }

    #[test]
    fn another_revision_stands_beside_the_current_one_with_the_ratio() {
        let rows = [row(Target::AtLeast(8000.0), vec![Some(1_234_567.0), Some(617_283.5)])];
        let text = markdown(&rows, &["current".to_owned(), "v1".to_owned()]);
        let last =
            text.lines().last().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
        assert_eq!(
            last,
            Some(vec!["", "a figure", "≥ 8,000", "1,234,567", "617,284", "2.00", "pass", ""])
        );
    }

    #[test]
    fn numbers_have_as_many_digits_as_mean_something() {
        let shown =
            [0.0, 0.5, 0.1067, 9.994, 46.66, 149.2, 999.7, 15_000.0, 1e6, -158.4].map(number);
        assert_eq!(
            shown,
            ["0", "0.5", "0.107", "9.99", "46.7", "149", "1,000", "15,000", "1,000,000", "-158"]
        );
    }
}
