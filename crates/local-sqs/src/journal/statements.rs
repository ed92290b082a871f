//! The SQL of each change.

use diesel::prelude::*;

use super::{
    change::{Change, SentMessage, ranges},
    receives::Receives,
    schema::{messages, queues, receives},
};

/// Does one change, within a transaction.
pub(super) fn write_change(connection: &mut SqliteConnection, change: &Change) -> QueryResult<()> {
    match change {
        Change::Send(sent) => {
            sent.iter().try_for_each(|message| insert_message(connection, message))
        }
        Change::Delete(ids) => ranges(ids).into_iter().try_for_each(|(first, last)| {
            diesel::delete(messages::table.filter(messages::id.between(first, last)))
                .execute(connection)?;
            diesel::delete(receives::table.filter(receives::id.between(first, last)))
                .execute(connection)
                .map(drop)
        }),
        Change::DeadLetter { messages, to, source } => messages.iter().try_for_each(|moved| {
            let (id, history) = *moved;
            diesel::update(messages::table.find(id))
                .set((messages::queue.eq(to), messages::source.eq(source.as_ref())))
                .execute(connection)?;
            let (total, first_ms) = (history.receives, history.first_receive_ms);
            write_receives(connection, &Receives { id, total, here: 0, first_ms })
        }),
        Change::CreateQueue { id, name, created_ms, attributes } => {
            diesel::insert_into(queues::table)
                .values((
                    queues::id.eq(id),
                    queues::name.eq(name),
                    queues::attributes.eq(to_json(attributes)?),
                    queues::created_ms.eq(created_ms),
                    queues::modified_ms.eq(created_ms),
                ))
                .execute(connection)
                .map(drop)
        }
        Change::SetAttributes { id, modified_ms, attributes } => {
            diesel::update(queues::table.find(id))
                .set((
                    queues::attributes.eq(to_json(attributes)?),
                    queues::modified_ms.eq(modified_ms),
                ))
                .execute(connection)
                .map(drop)
        }
        Change::DeleteQueue { id } => {
            diesel::delete(queues::table.find(id)).execute(connection).map(drop)
        }
    }
}

/// Inserts one row at a time: the statement is prepared once, and several rows in one statement
/// would not make SQLite faster.
fn insert_message(connection: &mut SqliteConnection, message: &SentMessage) -> QueryResult<()> {
    let extras = message.record.extras.as_deref().map(to_json).transpose()?;
    diesel::insert_into(messages::table)
        .values((
            messages::id.eq(message.id),
            messages::queue.eq(message.queue),
            messages::sent_ms.eq(message.sent_ms),
            messages::due_ms.eq(message.due_ms),
            messages::source.eq(message.record.source.as_deref()),
            messages::extras.eq(extras),
            messages::body.eq(message.record.body.as_str()),
        ))
        .execute(connection)
        .map(drop)
}

fn to_json(value: &impl serde::Serialize) -> QueryResult<String> {
    serde_json::to_string(value)
        .map_err(|error| diesel::result::Error::SerializationError(error.into()))
}

/// Writes a receive count, unless the message was deleted meanwhile.
pub(super) fn write_receives(
    connection: &mut SqliteConnection,
    receives: &Receives,
) -> QueryResult<()> {
    let message = messages::table.find(receives.id);
    if !diesel::select(diesel::dsl::exists(message)).get_result(connection)? {
        return Ok(());
    }
    diesel::replace_into(receives::table)
        .values((
            receives::id.eq(receives.id),
            receives::total.eq(i64::from(receives.total)),
            receives::here.eq(i64::from(receives.here)),
            receives::first_ms.eq(receives.first_ms),
        ))
        .execute(connection)
        .map(drop)
}
