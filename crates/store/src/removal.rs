//! Submissions that were erased.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, Bool, Nullable, Text, Uuid as SqlUuid},
};
use uuid::Uuid;

use crate::{store::Store, unavailable::Unavailable};

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    is_erased: bool,
}

impl Store {
    /// Whether each of these submissions was erased. A submission is known by its id, or else by the
    /// SQS message id that it had first; give both if you know them.
    ///
    /// # Errors
    /// The database is unavailable, or this role may not call the function.
    pub fn are_erased(&self, ids: &[(Option<Uuid>, &str)]) -> Result<Vec<bool>, Unavailable> {
        let (submission_ids, message_ids): (Vec<_>, Vec<_>) = ids.iter().copied().unzip();
        let answers: Vec<Answer> = self.session()?.run(|connection| {
            sql_query(
                "SELECT is_erased(r.submission_id, r.sqs_message_id) AS is_erased
                     FROM unnest($1, $2) WITH ORDINALITY AS r (submission_id, sqs_message_id, number)
                     ORDER BY r.number",
            )
            .bind::<Array<Nullable<SqlUuid>>, _>(&submission_ids)
            .bind::<Array<Text>, _>(&message_ids)
            .load(connection)
        })?;
        Ok(answers.into_iter().map(|answer| answer.is_erased).collect())
    }

    /// Whether [`are_erased`](Self::are_erased) has the functions and the rights that it needs.
    ///
    /// # Errors
    /// The database does not answer.
    pub fn may_ask_for_erased(&self) -> Result<bool, Unavailable> {
        self.may_call(&[
            "is_erased(uuid,text)",
            "forms_with_ids(uuid,text)",
            "message_ids_are_unique()",
        ])
    }
}
