//! The way of one form type's messages, from its queue to the database that all share.

use std::{io, sync::Arc, time::Duration};

use queue::{
    QueueFinder,
    settings::{ServedForm, SqsSettings},
};
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::{
    batches::{self, Batches},
    bytes_in_hand::BytesInHand,
    connections::Connections,
    database_gate::DatabaseGate,
    handle::Handler,
    health::Receiving,
    poll::Pollers,
    prepare,
    settings::WorkSettings,
};

/// One form type with its queues.
pub struct FormLine {
    pub form: ServedForm,
    finder: QueueFinder,
    pub receiving: Arc<Receiving>,
}

/// What all lines share.
#[derive(Clone)]
pub struct Shared {
    pub store: Store,
    pub gate: DatabaseGate,
    pub connections: Connections,
    pub bytes: BytesInHand,
}

impl FormLine {
    pub fn new(form: ServedForm, finder: QueueFinder) -> Self {
        let receiving = Arc::new(Receiving::of(form.form_type.name()));
        Self { form, finder, receiving }
    }

    /// Works until `stop`; the schema is there already.
    ///
    /// # Errors
    /// Something in hand could not be settled within `grace`.
    pub async fn work(
        &self,
        shared: &Shared,
        sqs: &SqsSettings,
        work: &WorkSettings,
        grace: Duration,
        stop: &CancellationToken,
    ) -> io::Result<()> {
        let found = prepare::queues(&self.finder, &self.receiving);
        let Some(pair) = stop.run_until_cancelled(found).await else { return Ok(()) };
        let (store, gate) = (shared.store.clone(), shared.gate.clone());
        let handler =
            Handler::new(self.form.form_type.clone(), pair, self.finder.clone(), store, gate);
        let pollers = Pollers {
            handler: handler.clone(),
            finder: self.finder.clone(),
            poll: sqs.poll.clone(),
            count: work.pollers,
            receiving: Arc::clone(&self.receiving),
            bytes: shared.bytes.clone(),
            connections: shared.connections.clone(),
            stop: stop.clone(),
        };
        let batches = Batches {
            handler,
            rows: work.batch_rows,
            connections: shared.connections.clone(),
            stop: stop.clone(),
        };
        batches::work(batches, pollers, grace).await
    }
}
