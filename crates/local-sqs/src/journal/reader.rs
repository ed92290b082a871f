//! The thread that reads message contents that are not in memory.

use std::{
    collections::HashMap,
    io,
    sync::{
        Arc,
        mpsc::{self, Sender},
    },
    thread::{self, JoinHandle},
};

use diesel::prelude::*;
use tokio::sync::oneshot;

use super::{
    change::{NotDurable, ranges},
    schema::messages,
};
use crate::record::{Extras, Record};

pub(crate) enum Job {
    Read { ids: Vec<i64>, answer: oneshot::Sender<Result<Vec<Option<Arc<Record>>>, NotDurable>> },
    Stop,
}

pub(super) fn start(mut connection: SqliteConnection) -> io::Result<(Sender<Job>, JoinHandle<()>)> {
    let (sender, jobs) = mpsc::channel();
    let thread = thread::Builder::new().name("sqs-reader".to_owned()).spawn(move || {
        while let Ok(Job::Read { ids, answer }) = jobs.recv() {
            let result = read(&mut connection, &ids).map_err(|error| {
                log::error!(
                    messages = ids.len(), error:% = error;
                    "Cannot read message contents from disk."
                );
                NotDurable
            });
            // Sending fails only if the request was dropped meanwhile.
            let _ = answer.send(result);
        }
    })?;
    Ok((sender, thread))
}

fn read(connection: &mut SqliteConnection, ids: &[i64]) -> QueryResult<Vec<Option<Arc<Record>>>> {
    type Row = (i64, Option<String>, Option<String>, String);
    let mut found = HashMap::with_capacity(ids.len());
    for (first, last) in ranges(ids) {
        let rows: Vec<Row> = messages::table
            .filter(messages::id.between(first, last))
            .select((messages::id, messages::source, messages::extras, messages::body))
            .load(connection)?;
        for (id, source, extras, body) in rows {
            let extras: Extras = match extras {
                Some(json) => serde_json::from_str(&json)
                    .map_err(|error| diesel::result::Error::DeserializationError(error.into()))?,
                None => Extras::default(),
            };
            found.insert(id, Arc::new(Record::new(body, extras, source.map(Arc::from))));
        }
    }
    Ok(ids.iter().map(|id| found.remove(id)).collect())
}
