//! Messages of the invalid queue, kept in the table `invalid_messages`.

mod waiting;

use std::fmt;

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{BigInt, Binary, Integer, Nullable, Text, Uuid as SqlUuid},
};
use domain::InvalidMessage;

pub use self::waiting::{Sending, Waiting};

use crate::{
    store::Store,
    unavailable::{Unavailable, UnavailableKind},
};

/// What became of a message that was to be kept. In every case it may be deleted from its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeping {
    /// It is new, and waits.
    Kept,
    /// It was sent back and has failed again: it waits again.
    CameBack,
    /// It is kept already, and its row counts one more.
    OldCopy,
    /// A row of `forms` has its identity and its content.
    Stored,
    /// Its identity was erased, so nothing is kept.
    Erased,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Text)]
    answer: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Text)]
    form_type: String,
    #[diesel(sql_type = BigInt)]
    messages: i64,
}

impl Store {
    /// Keeps a message of the invalid queue. Once this is `Ok`, the message may be deleted.
    ///
    /// # Errors
    /// The database is unavailable, or refuses the message: see [`Store::may_keep_invalid`].
    pub fn keep_invalid(&self, message: &InvalidMessage) -> Result<Keeping, Unavailable> {
        let answer: Answer = self.session()?.run(|connection| {
            sql_query("SELECT keep_invalid($1, $2, $3, $4, $5, $6, $7) AS answer")
                .bind::<Text, _>(&message.form_type)
                .bind::<Nullable<SqlUuid>, _>(message.submission_id)
                .bind::<Text, _>(&message.sqs_message_id)
                .bind::<Binary, _>(&message.body)
                .bind::<Binary, _>(&message.attributes)
                .bind::<Text, _>(&message.reason)
                .bind::<Nullable<Integer>, _>(message.times_sent)
                .get_result(connection)
        })?;
        match answer.answer.as_str() {
            "kept" => Ok(Keeping::Kept),
            "came_back" => Ok(Keeping::CameBack),
            "old_copy" => Ok(Keeping::OldCopy),
            "stored" => Ok(Keeping::Stored),
            "erased" => Ok(Keeping::Erased),
            _ => Err(Unavailable::because(
                UnavailableKind::StatementFailed,
                "keep_invalid gave an answer that this build does not know",
            )),
        }
    }

    /// Whether the functions are there that keep and count messages, and this role may call them.
    ///
    /// # Errors
    /// The database does not answer.
    pub fn may_keep_invalid(&self) -> Result<bool, Unavailable> {
        self.may_call(&[
            "keep_invalid(text,uuid,text,bytea,bytea,text,integer)",
            "invalid_messages_waiting()",
        ])
    }

    /// How many messages wait, of each form type that has any.
    ///
    /// # Errors
    /// The database does not answer, or this role may not call the function.
    pub fn count_waiting(&self) -> Result<Vec<(String, u64)>, Unavailable> {
        let counts: Vec<Count> = self.session()?.run(|connection| {
            sql_query("SELECT form_type, messages FROM invalid_messages_waiting()").load(connection)
        })?;
        let counts = counts.into_iter();
        Ok(counts
            .map(|count| (count.form_type, u64::try_from(count.messages).unwrap_or_default()))
            .collect())
    }
}

impl Keeping {
    /// For logs and metrics.
    pub fn code(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::CameBack => "came_back",
            Self::OldCopy => "old_copy",
            Self::Stored => "stored",
            Self::Erased => "erased",
        }
    }
}

impl fmt::Display for Keeping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}
