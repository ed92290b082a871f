//! The way of one form type's messages, from its queue to the database that all share.

use std::{io, sync::Arc, time::Duration};

use domain::FormType;
use queue::{Connection, Poll, QueueFinder, QueueNames};
use service::settings::SqsSettings;
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
    form_type: FormType,
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
    /// `None` where the settings name no queues for the type.
    pub fn new(form_type: &FormType, connection: &Connection, sqs: &SqsSettings) -> Option<Self> {
        let queues = sqs.queues.get(form_type.name())?;
        let names = QueueNames { form: queues.form.clone(), invalid: queues.invalid.clone() };
        let finder =
            QueueFinder { connection: connection.clone(), names, create: sqs.create_queues };
        let receiving = Arc::new(Receiving::of(form_type.name()));
        Some(Self { form_type: form_type.clone(), finder, receiving })
    }

    /// The name of its check on the health page: `queue` of type `form`, `queue_enrolment` and so on.
    pub fn check_name(&self) -> String {
        match self.form_type.name() {
            "form" => "queue".to_owned(),
            other => format!("queue_{other}"),
        }
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
        let handler = Handler::new(self.form_type.clone(), pair, self.finder.clone(), store, gate);
        let pollers = Pollers {
            handler: handler.clone(),
            finder: self.finder.clone(),
            poll: Poll {
                wait_time: sqs.wait_time,
                max_messages: sqs.max_messages,
                visibility_timeout: sqs.visibility_timeout,
            },
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
