//! Where submissions are, for readers that have no right on `forms`.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, Nullable, Text, Uuid as SqlUuid},
};
use uuid::Uuid;

use crate::{
    store::Store,
    unavailable::{Unavailable, UnavailableKind},
};

/// Where a submission is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmissionState {
    /// Its id.
    pub submission_id: Uuid,
    /// Its form type.
    pub form_type: String,
    /// Whether it is stored, kept as invalid, erased, or not here.
    pub at: SubmissionWhere,
}

/// Where a submission is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubmissionWhere {
    /// It is a row of its form type.
    Stored,
    /// It was kept as an invalid message, with the code of the reason.
    Invalid(String),
    /// Its content was removed.
    Erased,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    submission_id: Uuid,
    #[diesel(sql_type = Text)]
    form_type: String,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    reason: Option<String>,
}

impl Store {
    /// Where these submissions are. Those of which nothing is known are not in the answer: they
    /// are still on a queue, or were never accepted.
    ///
    /// # Errors
    /// The database is unavailable, or this role may not call the function.
    pub fn submission_states(&self, ids: &[Uuid]) -> Result<Vec<SubmissionState>, Unavailable> {
        let rows: Vec<Row> = self.session()?.run(|connection| {
            sql_query("SELECT submission_id, form_type, state, reason FROM submission_states($1)")
                .bind::<Array<SqlUuid>, _>(ids)
                .load(connection)
        })?;
        rows.into_iter().map(Row::into_state).collect()
    }
}

impl Row {
    fn into_state(self) -> Result<SubmissionState, Unavailable> {
        let at = match self.state.as_str() {
            "stored" => SubmissionWhere::Stored,
            "invalid" => SubmissionWhere::Invalid(self.reason.unwrap_or_default()),
            "erased" => SubmissionWhere::Erased,
            _ => {
                return Err(Unavailable::because(
                    UnavailableKind::StatementFailed,
                    "submission_states gave a state that this build does not know",
                ));
            }
        };
        Ok(SubmissionState { submission_id: self.submission_id, form_type: self.form_type, at })
    }
}
