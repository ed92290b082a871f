//! A table of figures beside their targets, in Markdown.

use std::iter;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    AtLeast(f64),
    AtMost(f64),
    /// Shown without a verdict.
    None,
}

/// One figure of each revision.
pub struct Row {
    pub name: String,
    pub target: Target,
    /// A better value that we would like to reach.
    pub aim: Option<f64>,
    /// The current revision first; `None` if a figure could not be measured.
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
    /// `pass` or `miss` for the current revision; empty without a target.
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

/// The table, padded so that it reads well on a terminal too. `revisions` are the headings, the current one first.
pub fn markdown(rows: &[Row], revisions: &[&str]) -> String {
    let has_ratio = revisions.len() > 1;
    let mut lines = vec![heading(revisions, has_ratio), separator(revisions.len(), has_ratio)];
    lines.extend(rows.iter().map(|row| cells(row, has_ratio)));
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
    };
    let mut text = String::new();
    for line in &lines {
        for (column, cell) in line.iter().enumerate() {
            let padding = " ".repeat(width(column) - cell.chars().count());
            text.push_str(&match column {
                0 => format!("| {cell}{padding} "),
                _ => format!("| {padding}{cell} "),
            });
        }
        text.push_str("|\n");
    }
    text
}

fn heading(revisions: &[&str], has_ratio: bool) -> Vec<String> {
    let mut heading = vec![String::new(), "target".to_owned()];
    heading.extend(revisions.iter().map(|&name| name.to_owned()));
    heading.extend(has_ratio.then(|| "ratio".to_owned()));
    heading.push(String::new());
    heading
}

fn separator(revisions: usize, has_ratio: bool) -> Vec<String> {
    let numbers = revisions + 2 + usize::from(has_ratio);
    iter::once("---".to_owned()).chain(iter::repeat_n("---:".to_owned(), numbers)).collect()
}

fn cells(row: &Row, has_ratio: bool) -> Vec<String> {
    let or_dash = |cell: Option<String>| cell.unwrap_or_else(|| "–".to_owned());
    let mut cells = vec![row.name.clone(), target(row)];
    cells.extend(row.values.iter().map(|value| or_dash(value.map(number))));
    if has_ratio {
        let ratio = match row.values.as_slice() {
            [Some(current), Some(base)] if *base != 0.0 => Some(format!("{:.2}", current / base)),
            _ => None,
        };
        cells.push(or_dash(ratio));
    }
    cells.push(row.verdict().to_owned());
    cells
}

fn target(row: &Row) -> String {
    let aim = row.aim.map_or(String::new(), |aim| format!(" (aim {})", number(aim)));
    match row.target {
        Target::AtLeast(least) => format!("≥ {}{aim}", number(least)),
        Target::AtMost(most) => format!("≤ {}{aim}", number(most)),
        Target::None => String::new(),
    }
}

/// With the significant digits only.
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
        Row { name: "a figure".to_owned(), target, aim: None, values }
    }

    #[test]
    fn a_figure_passes_at_its_target_and_misses_beyond_it() {
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
    fn another_revision_has_a_column_and_the_ratio_to_it() {
        let rows = [row(Target::AtLeast(8000.0), vec![Some(1_234_567.0), Some(617_283.5)])];
        let text = markdown(&rows, &["current", "v1"]);
        let last =
            text.lines().last().map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
        assert_eq!(
            last,
            Some(vec!["", "a figure", "≥ 8,000", "1,234,567", "617,284", "2.00", "pass", ""])
        );
    }

    #[test]
    fn numbers_have_only_significant_digits() {
        let shown =
            [0.0, 0.5, 0.1067, 9.994, 46.66, 149.2, 999.7, 15_000.0, 1e6, -158.4].map(number);
        assert_eq!(
            shown,
            ["0", "0.5", "0.107", "9.99", "46.7", "149", "1,000", "15,000", "1,000,000", "-158"]
        );
    }
}
