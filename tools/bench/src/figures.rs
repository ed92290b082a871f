//! The figures of the table: how each is computed, and its target.

use crate::{
    measure::Measured,
    table::{
        Row,
        Target::{self, AtLeast, AtMost, None as NoTarget},
    },
};

/// A row per figure; the current revision first.
pub fn of(all: &[Measured]) -> Vec<Row> {
    let backlog = all.first().map_or(0, |measured| measured.backlog_messages);
    let figures =
        [intake(), latency(), worker(), memory_and_end_to_end(), backlog_figures(backlog)];
    figures.into_iter().flatten().map(|figure| figure.row(all)).collect()
}

struct Figure {
    name: String,
    target: Target,
    aim: Option<f64>,
    /// `None` if it was not measured.
    value: fn(&Measured) -> Option<f64>,
}

impl Figure {
    fn new(name: &str, target: Target, value: fn(&Measured) -> Option<f64>) -> Self {
        Self { name: name.to_owned(), target, aim: None, value }
    }

    fn aim(self, aim: f64) -> Self {
        Self { aim: Some(aim), ..self }
    }

    fn row(self, all: &[Measured]) -> Row {
        // What another step measures is still 0, or a quotient of zeros.
        let was_measured = |value: &f64| value.is_finite() && *value != 0.0;
        let values = all.iter().map(|m| (self.value)(m).filter(was_measured)).collect();
        Row { name: self.name, target: self.target, aim: self.aim, values }
    }
}

fn intake() -> Vec<Figure> {
    vec![
        Figure::new(
            "accepted/s with the real queue ÷ with the null sink, 64 connections",
            AtLeast(0.5),
            |m| Some(m.throughput.accepted / m.throughput.null_sink),
        ),
        Figure::new("accepted/s, 64 connections", AtLeast(8000.0), |m| Some(m.throughput.accepted))
            .aim(15_000.0),
        Figure::new("accepted/s by the null sink, 64 connections", NoTarget, |m| {
            Some(m.throughput.null_sink)
        }),
        Figure::new("accepted/s at 20 ms, 256 connections", NoTarget, |m| {
            Some(m.latency_delayed.saturated_rate)
        }),
        Figure::new("accepted/s at 20 ms ÷ with the null sink", NoTarget, |m| {
            Some(m.latency_delayed.saturated_rate / m.throughput.null_sink)
        }),
        Figure::new("accepted/s with fauxqs, 64 connections", NoTarget, |m| {
            m.with_fauxqs.as_ref().map(|fauxqs| fauxqs.accepted_per_second)
        }),
        Figure::new("send calls per submission, saturated, 0 ms", AtMost(0.11), |m| {
            Some(m.latency.calls_when_saturated)
        }),
        Figure::new("send calls per submission, saturated, 20 ms", AtMost(0.11), |m| {
            Some(m.latency_delayed.calls_when_saturated)
        }),
        Figure::new("send calls per submission, 500/s, 20 ms", AtMost(0.45), |m| {
            Some(m.latency_delayed.calls_at_500)
        }),
    ]
}

fn latency() -> Vec<Figure> {
    vec![
        Figure::new("ack − raw call, one connection, p50, 0 ms [ms]", AtMost(1.0), |m| {
            Some(m.latency.one_connection_p50.difference())
        }),
        Figure::new("ack − raw call, one connection, p50, 20 ms [ms]", AtMost(1.0), |m| {
            Some(m.latency_delayed.one_connection_p50.difference())
        }),
        Figure::new("ack p99, 70 % load, 20 ms [ms]", NoTarget, |m| {
            Some(m.latency_delayed.p99_at_70_percent.post)
        }),
        Figure::new("ack p99 − raw call p99, 70 % load, 20 ms [ms]", AtMost(10.0), |m| {
            Some(m.latency_delayed.p99_at_70_percent.difference())
        }),
        Figure::new("ack p99 − raw call p99, 70 % load, 0 ms [ms]", NoTarget, |m| {
            Some(m.latency.p99_at_70_percent.difference())
        }),
    ]
}

fn worker() -> Vec<Figure> {
    vec![
        Figure::new(
            "worker rows/s ÷ bare insert loop, same batch, one connection each",
            AtLeast(0.4),
            |m| Some(m.one_connection.per_second / m.bare_insert.same_batch),
        )
        .aim(0.6),
        Figure::new("worker rows/s ÷ bare insert loop with 500 rows", NoTarget, |m| {
            Some(m.one_connection.per_second / m.bare_insert.batches_of_500)
        }),
        Figure::new("worker rows/s, one connection", NoTarget, |m| {
            Some(m.one_connection.per_second)
        }),
        Figure::new("rows in one insert of the worker, one connection", NoTarget, |m| {
            Some(m.one_connection.rows_per_insert)
        }),
        Figure::new("bare insert loop, rows/s, same batch", NoTarget, |m| {
            Some(m.bare_insert.same_batch)
        }),
        Figure::new("bare insert loop, rows/s, 500 rows", NoTarget, |m| {
            Some(m.bare_insert.batches_of_500)
        }),
        Figure::new("worker rows/s", AtLeast(15_000.0), |m| Some(m.backlog.per_second))
            .aim(25_000.0),
        Figure::new("worker rows/s at 20 ms, as configured by default", NoTarget, |m| {
            Some(m.drain_delayed.per_second)
        }),
        Figure::new("worker rows/s with fauxqs", NoTarget, |m| {
            m.with_fauxqs.as_ref().map(|fauxqs| fauxqs.stored_per_second)
        }),
        Figure::new("queue calls per submission by the worker, full queue", AtMost(0.21), |m| {
            Some(m.drain_counted.calls_per_row)
        }),
    ]
}

fn memory_and_end_to_end() -> Vec<Figure> {
    vec![
        Figure::new("resident memory of the api at its peak [MiB]", AtMost(40.0), |m| {
            let with_delays = m.latency.peak_mib.max(m.latency_delayed.peak_mib);
            Some(m.throughput.peak_mib.max(with_delays))
        }),
        Figure::new("resident memory of the worker at its peak [MiB]", AtMost(60.0), |m| {
            Some(m.backlog.peak_mib)
        }),
        Figure::new("POST → row visible, p99, 1,000/s, 0 ms [ms]", AtMost(50.0), |m| {
            Some(m.end_to_end.row_visible_p99)
        }),
        Figure::new("POST → row visible, p50, 1,000/s, 0 ms [ms]", NoTarget, |m| {
            Some(m.end_to_end.row_visible_p50)
        }),
        Figure::new(
            "row visible → in the published relation, p99, 1,000/s [ms]",
            AtMost(100.0),
            |m| m.end_to_end.published_p99,
        ),
        Figure::new(
            "a page of 1,000 rows of the published relation, as JSON [ms]",
            NoTarget,
            |m| m.end_to_end.page,
        ),
    ]
}

fn backlog_figures(messages: u64) -> Vec<Figure> {
    let name = |figure: &str| format!("backlog of {messages}: {figure}");
    vec![
        Figure::new(&name("slowest fifth ÷ average rate"), AtLeast(0.75), |m| {
            Some(m.backlog.steadiness())
        }),
        Figure::new(&name("memory growth of the worker [MiB]"), AtMost(5.0), |m| {
            Some(m.backlog.growth_mib())
        }),
    ]
}
