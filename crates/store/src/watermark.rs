//! The watermark of `forms`, for readers that follow the table by id.

use std::time::Duration;

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Double, Nullable},
};

use crate::{store::Store, unavailable::Unavailable};

/// What the last step has reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Watermark {
    /// Every row up to this id is committed or gone for good.
    pub id: i64,
    /// How long it has waited for transactions that may still commit a row, if it waits.
    pub waits: Option<Duration>,
}

#[derive(QueryableByName)]
struct Step {
    #[diesel(sql_type = Nullable<BigInt>)]
    watermark: Option<i64>,
    #[diesel(sql_type = Nullable<Double>)]
    seconds: Option<f64>,
}

impl Store {
    /// Makes one step with the watermark of `erasures`.
    pub fn advance_watermark_of_erasures(&self) -> Result<(), Unavailable> {
        self.session()?.run(|connection| {
            sql_query("SELECT advance_watermark('erasures')").execute(connection)
        })?;
        Ok(())
    }

    /// Makes one step. `None` if another session is making one.
    pub fn advance_watermark(&self) -> Result<Option<Watermark>, Unavailable> {
        let step: Step = self.session()?.run(|connection| {
            sql_query(
                "SELECT watermark, extract(epoch FROM clock_timestamp() - waits_since)::float8 AS seconds \
                     FROM advance_watermark('forms')",
            )
            .get_result(connection)
        })?;
        let waits = step.seconds.map(|seconds| Duration::from_secs_f64(seconds.max(0.0)));
        Ok(step.watermark.map(|id| Watermark { id, waits }))
    }
}
