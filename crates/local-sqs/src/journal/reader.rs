//! The thread that reads contents which are not in memory.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use diesel::prelude::*;
use tokio::sync::oneshot;

use super::schema::messages;
use super::{NotDurable, ranges};
use crate::record::{Extras, Record};

pub(crate) enum Job {
    Read { ids: Vec<i64>, answer: oneshot::Sender<Result<Vec<Option<Arc<Record>>>, NotDurable>> },
    Stop,
}

pub(super) fn start(
    mut connection: SqliteConnection,
) -> std::io::Result<(Sender<Job>, JoinHandle<()>)> {
    let (sender, jobs) = mpsc::channel();
    let thread = thread::Builder::new().name("sqs-reader".to_owned()).spawn(move || {
        while let Ok(Job::Read { ids, answer }) = jobs.recv() {
            let result = read(&mut connection, &ids).map_err(|error| {
                log::error!("Contents could not be read. messages={} error=\"{error}\"", ids.len());
                NotDurable
            });
            // Whoever asked may have gone.
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
