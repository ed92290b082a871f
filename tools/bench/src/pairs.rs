//! The current revision against another: pairs of runs in turn, and the median of their ratios.
//!
//! A machine that others use is never equally fast for two runs, but two runs in a row of one pair
//! mostly meet the same load, and the median ignores the pairs that do not.

use std::time::Duration;

use anyhow::Result;

use crate::{
    drain::{DrainOptions, drain},
    intake::{self, median},
    lab::{Lab, QueueBuild, Revision},
    table::number,
};

/// A ratio below this is slower than the noise of a median explains.
const LOWEST_RATIO: f64 = 0.97;

type Run = fn(&Lab, &Revision) -> Result<f64>;

/// What is compared: each a rate, where more is better.
const RUNS: [(&str, Run); 4] = [
    ("accepted/s, 64 connections", accepted),
    ("stored rows/s, 1 database connection", |lab, revision| stored(lab, revision, "1")),
    ("stored rows/s, 2 database connections", |lab, revision| stored(lab, revision, "2")),
    ("stored rows/s, 4 database connections", |lab, revision| stored(lab, revision, "4")),
];

/// One rate in all pairs.
struct Compared {
    name: &'static str,
    current: Vec<f64>,
    base: Vec<f64>,
}

/// Measures so many pairs of each rate whose name contains `only`, and returns a table in Markdown.
pub fn compare(
    lab: &Lab,
    current: &Revision,
    base: &Revision,
    pairs: usize,
    only: &str,
) -> Result<String> {
    let mut all = Vec::new();
    for (name, run) in RUNS.into_iter().filter(|(name, _)| name.contains(only)) {
        eprintln!("… {pairs} pairs: {name}");
        let mut compared = Compared { name, current: Vec::new(), base: Vec::new() };
        for pair in 0..pairs {
            // Whoever runs second may meet warmer caches.
            if pair % 2 == 0 {
                compared.current.push(run(lab, current)?);
                compared.base.push(run(lab, base)?);
            } else {
                compared.base.push(run(lab, base)?);
                compared.current.push(run(lab, current)?);
            }
        }
        all.push(compared);
    }
    Ok(table(&all, &base.name, pairs))
}

fn accepted(lab: &Lab, revision: &Revision) -> Result<f64> {
    let server = lab.queue_server(QueueBuild::Shipped, Duration::ZERO);
    let api = lab.api(revision, server.sqs.endpoint());
    intake::accepted_per_second(lab, &api)
}

fn stored(lab: &Lab, revision: &Revision, connections: &'static str) -> Result<f64> {
    let options = DrainOptions {
        variables: &[("WORKER_CONNECTIONS", connections)],
        ..DrainOptions::default()
    };
    Ok(drain(lab, revision, lab.amount(120_000), &options)?.per_second)
}

impl Compared {
    fn ratios(&self) -> Vec<f64> {
        self.current.iter().zip(&self.base).map(|(current, base)| current / base).collect()
    }
}

fn table(all: &[Compared], base: &str, pairs: usize) -> String {
    let mut text = format!(
        "| medians of {pairs} pairs of runs in turn | current | {base} | ratio of each pair | median ratio, at least {LOWEST_RATIO} | |\n\
         |---|---:|---:|---:|---:|---|\n"
    );
    for compared in all {
        let ratios = compared.ratios();
        let each: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        let ratio = median(ratios);
        let verdict = if ratio >= LOWEST_RATIO { "pass" } else { "**miss**" };
        text.push_str(&format!(
            "| {} | {} | {} | {} | {ratio:.3} | {verdict} |\n",
            compared.name,
            number(median(compared.current.clone())),
            number(median(compared.base.clone())),
            each.join(" "),
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ratio_decides() {
        let current = vec![96.0, 98.0, 10.0];
        let slow = Compared { name: "slow", current: current.clone(), base: vec![100.0; 3] };
        let fast = Compared { name: "fast", current, base: vec![100.0, 100.0, 10.0] };
        let text = table(&[slow, fast], "v1.0.0", 3);
        assert!(
            text.contains("| slow | 96.0 | 100 | 0.96 0.98 0.10 | 0.960 | **miss** |"),
            "{text}"
        );
        assert!(text.contains("| fast | 96.0 | 100 | 0.96 0.98 1.00 | 0.980 | pass |"), "{text}");
    }
}
