//! Messages of the invalid queue, kept in the table `invalid_messages`.

use std::fmt;

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Binary, Bool, Double, Integer, Nullable, Text, Uuid as SqlUuid},
};
use domain::InvalidMessage;
use uuid::Uuid;

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

/// A message that waits to be sent back, without its content.
#[derive(Clone, Debug, PartialEq, QueryableByName)]
pub struct Waiting {
    #[diesel(sql_type = BigInt)]
    /// The number of its row.
    pub id: i64,
    #[diesel(sql_type = Text)]
    /// Our id of the submission, or else the SQS message id that it had first.
    pub identity: String,
    #[diesel(sql_type = Text)]
    /// Why it was set aside.
    pub reason: String,
    #[diesel(sql_type = Double)]
    /// The time since it was kept.
    pub age_seconds: f64,
    #[diesel(sql_type = Integer)]
    /// The size of its body.
    pub bytes: i32,
    #[diesel(sql_type = Integer)]
    /// How often it was taken from the invalid queue.
    pub times_seen: i32,
    #[diesel(sql_type = Integer)]
    /// How often it was sent back.
    pub times_sent: i32,
}

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Text)]
    answer: String,
}

#[derive(QueryableByName)]
struct Yes {
    #[diesel(sql_type = Bool)]
    yes: bool,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = Text)]
    form_type: String,
    #[diesel(sql_type = BigInt)]
    messages: i64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    form_type: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    submission_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    sqs_message_id: String,
    #[diesel(sql_type = Binary)]
    body: Vec<u8>,
    #[diesel(sql_type = Binary)]
    attributes: Vec<u8>,
    #[diesel(sql_type = Text)]
    reason: String,
    #[diesel(sql_type = Integer)]
    times_sent: i32,
    #[diesel(sql_type = Integer)]
    times_seen: i32,
}

/// A message that is being sent back, as its row was when that began.
#[derive(Clone, Copy, Debug)]
pub struct Sending {
    /// The number of its row.
    pub id: i64,
    times_sent: i32,
    times_seen: i32,
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
        // A function that is not there, or is in a schema without the right to use it, has no oid.
        let answer: Yes = self.session()?.run(|connection| {
            sql_query(
                "SELECT coalesce(bool_and(has_function_privilege(to_regprocedure(name), 'EXECUTE')), false) AS yes
                     FROM unnest(ARRAY['keep_invalid(text,uuid,text,bytea,bytea,text,integer)',
                         'invalid_messages_waiting()']) AS name
                     HAVING count(to_regprocedure(name)) = 2
                 UNION ALL SELECT false ORDER BY yes DESC LIMIT 1",
            )
            .get_result(connection)
        })?;
        Ok(answer.yes)
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

    /// The next messages of a form type that wait, the oldest first, after the row `after`.
    ///
    /// # Errors
    /// The database does not answer, or this role may not read the table.
    pub fn waiting(
        &self,
        form_type: &str,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Waiting>, Unavailable> {
        self.session()?.run(|connection| {
            sql_query(
                "SELECT id, coalesce(submission_id::text, sqs_message_id) AS identity, reason,
                        extract(epoch FROM now() - first_seen)::float8 AS age_seconds,
                        octet_length(body) AS bytes, times_seen, times_sent
                     FROM invalid_messages
                     WHERE form_type = $1 AND state = 'waiting' AND id > $2 ORDER BY id LIMIT $3",
            )
            .bind::<Text, _>(form_type)
            .bind::<BigInt, _>(after)
            .bind::<BigInt, _>(limit)
            .load(connection)
        })
    }

    /// A message as it was kept; `None` if it does not wait any more.
    ///
    /// # Errors
    /// As [`Store::waiting`].
    pub fn read_waiting(&self, id: i64) -> Result<Option<InvalidMessage>, Unavailable> {
        let row: Option<Row> = self.session()?.run(|connection| {
            let select = format!(
                "SELECT {COLUMNS} FROM invalid_messages WHERE id = $1 AND state = 'waiting'"
            );
            sql_query(select).bind::<BigInt, _>(id).get_result(connection).optional()
        })?;
        Ok(row.map(|row| row.into_message().0))
    }

    /// How many messages of a form type wait.
    ///
    /// # Errors
    /// As [`Store::waiting`].
    pub fn count_waiting_of(&self, form_type: &str) -> Result<u64, Unavailable> {
        let count: Count = self.session()?.run(|connection| {
            sql_query(
                "SELECT $1 AS form_type, count(*) AS messages
                     FROM invalid_messages WHERE form_type = $1 AND state = 'waiting'",
            )
            .bind::<Text, _>(form_type)
            .get_result(connection)
        })?;
        Ok(u64::try_from(count.messages).unwrap_or_default())
    }

    /// Counts up how often these messages were sent back, and returns those that still wait, each
    /// with the number that it gets. They wait on until [`Store::mark_sent_back`]: if the caller
    /// dies, they are sent once more.
    ///
    /// # Errors
    /// The database does not answer, or this role may not change the table.
    pub fn begin_sending_back(
        &self,
        ids: &[i64],
    ) -> Result<Vec<(InvalidMessage, Sending)>, Unavailable> {
        #[derive(QueryableByName)]
        struct WithId {
            #[diesel(sql_type = BigInt)]
            id: i64,
            #[diesel(embed)]
            row: Row,
        }
        let rows: Vec<WithId> = self.session()?.run(|connection| {
            let update = format!(
                "UPDATE invalid_messages
                     SET times_sent = times_sent + 1, changed_at = now(), changed_by = session_user
                     WHERE id = ANY ($1) AND state = 'waiting' RETURNING id, {COLUMNS}"
            );
            sql_query(update).bind::<Array<BigInt>, _>(ids).load(connection)
        })?;
        let sending = rows.into_iter().map(|WithId { id, row }| {
            let (message, times_seen) = row.into_message();
            let times_sent = message.times_sent.unwrap_or_default();
            (message, Sending { id, times_sent, times_seen })
        });
        Ok(sending.collect())
    }

    /// Notes that SQS has confirmed the message, unless it has come back or was sent again
    /// meanwhile: then it waits on.
    ///
    /// # Errors
    /// As [`Store::begin_sending_back`].
    pub fn mark_sent_back(&self, sending: Sending) -> Result<(), Unavailable> {
        let Sending { id, times_sent, times_seen } = sending;
        self.session()?.run(|connection| {
            sql_query(
                "UPDATE invalid_messages SET state = 'sent_back', changed_at = now(), changed_by = session_user
                     WHERE id = $1 AND state = 'waiting' AND times_sent = $2 AND times_seen = $3",
            )
            .bind::<BigInt, _>(id)
            .bind::<Integer, _>(times_sent)
            .bind::<Integer, _>(times_seen)
            .execute(connection)
            .map(drop)
        })
    }
}

const COLUMNS: &str =
    "form_type, submission_id, sqs_message_id, body, attributes, reason, times_sent, times_seen";

impl Row {
    /// The message, and how often it was seen.
    fn into_message(self) -> (InvalidMessage, i32) {
        let message = InvalidMessage {
            form_type: self.form_type,
            submission_id: self.submission_id,
            sqs_message_id: self.sqs_message_id,
            body: self.body,
            attributes: self.attributes,
            reason: self.reason,
            times_sent: Some(self.times_sent),
        };
        (message, self.times_seen)
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
