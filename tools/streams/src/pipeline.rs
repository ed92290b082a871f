//! The consumer of the old data store, written from its contract alone, loads a form type.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::json;

use crate::{
    client::run_python,
    lab::{FORM_TYPE, Lab},
};

/// Members of a form, each null, missing or different from row to row. Numbers have at most 15 digits, because this
/// client makes doubles of them.
const DATA: &str = r#"jsonb_strip_nulls(jsonb_build_object(
    'name', CASE n % 5 WHEN 0 THEN '' WHEN 1 THEN NULL ELSE 'Zoë "' || n || '" 雪 \ ' || chr(10) || '€' END,
    'born', CASE WHEN n % 7 <> 0 THEN (date '1900-02-28' + n % 45000)::text END,
    'at', CASE WHEN n % 6 <> 0 THEN to_char(timestamp '2000-02-29 23:59:59.123456' + n * interval '7 hours', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') END,
    'count', CASE WHEN n % 4 <> 0 THEN 9007199254740993 + n END,
    'amount', CASE WHEN n % 3 <> 0 THEN n / 100.0::numeric(20, 2) END,
    'agreed', CASE n % 3 WHEN 0 THEN NULL ELSE n % 2 = 0 END,
    'visits', CASE WHEN n % 11 <> 0 THEN (
        SELECT coalesce(jsonb_agg(jsonb_build_object(
            'on', (date '2024-02-29' + visit)::text,
            'tags', to_jsonb(ARRAY['a', 'ß"' || n, '']),
            'places', jsonb_build_array(jsonb_build_array(n, 1.5), '[]'::jsonb))), '[]')
        FROM generate_series(1, n % 4) visit) END
)) || CASE WHEN n % 9 = 0 THEN '{"note": null}' WHEN n % 9 = 1 THEN '{"note": "=1+1", "unknown": [1, {"a": null}]}' ELSE '{}' END::jsonb"#;

/// Every column of the form type, and how the client has to have it.
const DIFFERENCE: &str = "SELECT count(*) FILTER (WHERE s.id IS NULL OR t.id IS NULL) || ' ' || count(*) FILTER (WHERE \
    (s.name, s.note, s.born, s.count, s.amount, s.agreed, s.unreadable, s.submission_id::text, s.schema_digest) \
        IS DISTINCT FROM (t.name, t.note, t.born, t.count, t.amount, t.agreed, t.unreadable, t.submission_id, t.schema_digest) \
    OR (s.at AT TIME ZONE 'UTC', s.received_at AT TIME ZONE 'UTC', s.created AT TIME ZONE 'UTC') \
        IS DISTINCT FROM (t.at, t.received_at, t.created) \
    OR (s.visits, s.extra) IS DISTINCT FROM (t.visits::jsonb, t.extra::jsonb)) \
    FROM submissions.proof s FULL JOIN pipeline.loaded t ON s.id = t.id";

#[derive(Clone, Debug)]
pub struct Loaded {
    pub rows: usize,
    pub pages: usize,
    pub seconds: f64,
    /// Rows that the client does not have, or has and that are not there.
    pub missing: usize,
    /// Rows that it has more than once.
    pub twice: usize,
    /// Rows with another value.
    pub altered: usize,
}

/// Fills the form type, has the client load it, and compares.
pub fn run(lab: &Lab, rows: usize) -> Result<Loaded> {
    lab.sql(&format!(
        "INSERT INTO forms (form_type, submission_id, received_at, data) \
             SELECT '{FORM_TYPE}', gen_random_uuid(), clock_timestamp(), {DATA} FROM generate_series(1, {rows}) n;
         ANALYZE forms; CREATE SCHEMA pipeline"
    ))?;
    lab.show_rows()?;
    let client = lab.client("pipeline")?;
    let wanted = json!({
        "base_url": lab.reader()?.url(""),
        "id": client.id,
        "key": client.key,
        // The old consumer takes only schemas with one dot.
        "schema": format!("submissions.{FORM_TYPE}"),
        "table": "L0",
        "database": lab.database_url(),
        "target": "pipeline.loaded",
        "files": lab.directory().join("pages"),
    });
    let started = Instant::now();
    let pages = run_python("pipeline.py", &[&wanted.to_string()])?.trim().parse()?;
    let seconds = seconds(started.elapsed());
    let there = lab.sql("SELECT count(*) FROM submissions.proof")?;
    ensure!(there == rows.to_string(), "{there} rows are visible instead of {rows}");
    let twice = lab.sql("SELECT count(*) - count(DISTINCT id) FROM pipeline.loaded")?.parse()?;
    let difference = lab.sql(DIFFERENCE)?;
    let Some((missing, altered)) = difference.split_once(' ') else {
        bail!("no difference: {difference}")
    };
    let (missing, altered) = (missing.parse()?, altered.parse()?);
    Ok(Loaded { rows, pages, seconds, missing, twice, altered })
}

impl Loaded {
    pub fn is_right(&self) -> bool {
        (self.missing, self.twice, self.altered) == (0, 0, 0)
    }
}

fn seconds(duration: Duration) -> f64 {
    duration.as_secs_f64()
}
