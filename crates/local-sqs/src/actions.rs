//! The actions of the API: one function per action, which takes the request and returns the answer.

mod attributes;
mod batch;
mod queues;
mod receive;
mod send;
mod settle;

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use crate::{
    action::Action,
    broker::Broker,
    error::{ApiError, Code},
};

/// Does what a request asks for, and returns the answer as JSON.
pub(crate) async fn perform(
    broker: &Arc<Broker>,
    action: Action,
    host: &str,
    body: &[u8],
) -> Result<Vec<u8>, ApiError> {
    match action {
        Action::CreateQueue => to_json(&queues::create_queue(broker, host, parse(body)?).await?),
        Action::GetQueueUrl => to_json(&queues::get_queue_url(broker, host, parse(body)?)?),
        Action::ListQueues => to_json(&queues::list_queues(broker, host, parse(body)?)?),
        Action::DeleteQueue => to_json(&queues::delete_queue(broker, parse(body)?).await?),
        Action::PurgeQueue => to_json(&queues::purge_queue(broker, parse(body)?).await?),
        Action::GetQueueAttributes => {
            to_json(&attributes::get_queue_attributes(broker, parse(body)?)?)
        }
        Action::SetQueueAttributes => {
            to_json(&attributes::set_queue_attributes(broker, parse(body)?).await?)
        }
        Action::SendMessage => to_json(&send::send_message(broker, parse(body)?).await?),
        Action::SendMessageBatch => to_json(&send::send_message_batch(broker, parse(body)?).await?),
        Action::ReceiveMessage => to_json(&receive::receive_message(broker, parse(body)?).await?),
        Action::DeleteMessage => to_json(&settle::delete_message(broker, parse(body)?).await?),
        Action::DeleteMessageBatch => {
            to_json(&settle::delete_message_batch(broker, parse(body)?).await?)
        }
        Action::ChangeMessageVisibility => {
            to_json(&settle::change_message_visibility(broker, parse(body)?)?)
        }
        Action::ChangeMessageVisibilityBatch => {
            to_json(&settle::change_message_visibility_batch(broker, parse(body)?)?)
        }
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    // The error's own message is not shown because it may quote values.
    serde_json::from_slice(body).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        ApiError::new(
            Code::Serialization,
            format!("The request is not valid JSON for this action, at {place}."),
        )
    })
}

fn to_json<T: Serialize>(answer: &T) -> Result<Vec<u8>, ApiError> {
    serde_json::to_vec(answer).map_err(|error| {
        log::error!(error:% = error; "Cannot write an answer as JSON.");
        ApiError::internal()
    })
}
