//! Messages that wait: listed, and sent back.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, BigInt, Binary, Double, Integer, Nullable, Text, Uuid as SqlUuid},
};
use domain::InvalidMessage;
use uuid::Uuid;

use super::Count;
use crate::{store::Store, unavailable::Unavailable};

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

/// A message that is being sent back, as its row was when that began.
#[derive(Clone, Copy, Debug)]
pub struct Sending {
    /// The number of its row.
    pub id: i64,
    times_sent: i32,
    times_seen: i32,
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

const COLUMNS: &str =
    "form_type, submission_id, sqs_message_id, body, attributes, reason, times_sent, times_seen";

impl Store {
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
