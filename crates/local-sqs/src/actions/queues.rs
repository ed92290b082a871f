//! CreateQueue, GetQueueUrl, ListQueues, DeleteQueue, PurgeQueue.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    broker::Broker,
    error::{ApiError, Code},
    journal::Change,
    queue::{CurrentSettings, Queue, now_ms},
    queue_settings::{ACCOUNT, QueueSettings},
};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct CreateQueue {
    queue_name: Option<String>,
    attributes: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetQueueUrl {
    queue_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct UrlAnswer {
    queue_url: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListQueues {
    queue_name_prefix: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct ListAnswer {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    queue_urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_token: Option<String>,
}

/// A request that only names a queue.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QueueOnly {
    queue_url: Option<String>,
}

/// An answer without content.
#[derive(Debug, Serialize)]
pub(crate) struct EmptyAnswer {}

/// Creates a queue. If a queue with this name exists, returns it, or an error if a given attribute
/// differs.
///
/// Unlike in SQS, a name can be reused as soon as its queue is deleted: tests would wait a minute
/// for nothing.
pub(crate) async fn create_queue(
    broker: &Arc<Broker>,
    host: &str,
    request: CreateQueue,
) -> Result<UrlAnswer, ApiError> {
    let name = request.queue_name.ok_or_else(|| ApiError::missing("QueueName"))?;
    check_name(&name)?;
    let given = request.attributes.unwrap_or_default();
    let guard = Arc::clone(&broker.administration).lock_owned().await;
    let answer = UrlAnswer { queue_url: queue_url(host, &name) };
    if let Some(queue) = broker.queue(&name) {
        let settings = queue.settings();
        if settings.with(&given)? != *settings {
            return Err(ApiError::new(
                Code::QueueNameExists,
                "A queue already exists with the same name and a different value for an attribute.",
            ));
        }
        return Ok(answer);
    }
    let settings = QueueSettings::default().with(&given)?;
    check_redrive_policy(broker, &name, &settings)?;
    let created_ms = now_ms();
    let attributes = settings.to_map();
    let settings = CurrentSettings { settings: Arc::new(settings), modified_ms: created_ms };
    let queue = Arc::new(Queue::new(broker.new_queue_id(), name.clone(), created_ms, settings));
    let change = Change::CreateQueue { id: queue.id, name: name.clone(), created_ms, attributes };
    let applied_to = Arc::clone(broker);
    broker
        .commit(change, move || {
            applied_to.insert_queue(queue);
            drop(guard);
        })
        .await?;
    log::info!(queue = name; "Created a queue.");
    Ok(answer)
}

pub(crate) fn get_queue_url(
    broker: &Broker,
    host: &str,
    request: GetQueueUrl,
) -> Result<UrlAnswer, ApiError> {
    let name = request.queue_name.ok_or_else(|| ApiError::missing("QueueName"))?;
    let queue = broker.queue(&name).ok_or_else(ApiError::no_such_queue)?;
    Ok(UrlAnswer { queue_url: queue_url(host, &queue.name) })
}

/// Lists the queues by name, in pages of `MaxResults`; the token is the last name of the previous
/// page.
pub(crate) fn list_queues(
    broker: &Broker,
    host: &str,
    request: ListQueues,
) -> Result<ListAnswer, ApiError> {
    const MOST: i64 = 1000;
    let limit = request.max_results.unwrap_or(MOST);
    if !(1..=MOST).contains(&limit) {
        return Err(ApiError::parameter(
            "MaxResults",
            limit,
            "MaxResults must be an integer between 1 and 1000.",
        ));
    }
    let after = match request.next_token {
        Some(token) => {
            let name = hex::decode(&token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            Some(name.ok_or_else(|| {
                ApiError::parameter("NextToken", token, "The token was not issued by this server.")
            })?)
        }
        None => None,
    };
    let mut names = broker.queue_names(request.queue_name_prefix.as_deref().unwrap_or_default());
    names.retain(|name| after.as_ref().is_none_or(|after| name > after));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = names.len() > limit;
    names.truncate(limit);
    // As in SQS, only a request that asks for pages gets a token.
    let next_token =
        names.last().filter(|_| has_more && request.max_results.is_some()).map(hex::encode);
    Ok(ListAnswer {
        queue_urls: names.iter().map(|name| queue_url(host, name)).collect(),
        next_token,
    })
}

/// Deletes a queue and its messages.
pub(crate) async fn delete_queue(
    broker: &Arc<Broker>,
    request: QueueOnly,
) -> Result<EmptyAnswer, ApiError> {
    let guard = Arc::clone(&broker.administration).lock_owned().await;
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    let (applied_to, name) = (Arc::clone(broker), queue.name.clone());
    broker
        .commit(Change::DeleteQueue { id: queue.id }, move || {
            applied_to.remove_queue(&queue);
            let ids = queue.with_state(|state, _| state.take_all());
            // No need to wait: messages that a crash leaves behind are deleted at the next start.
            drop(applied_to.discard_messages(&ids));
            drop(guard);
        })
        .await?;
    log::info!(queue = name; "Deleted a queue.");
    Ok(EmptyAnswer {})
}

/// Deletes all messages of a queue. They are hidden immediately, and deleted from disk before this
/// answers.
///
/// Unlike in SQS, a queue can be purged again without waiting.
pub(crate) async fn purge_queue(
    broker: &Arc<Broker>,
    request: QueueOnly,
) -> Result<EmptyAnswer, ApiError> {
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    let ids = queue.with_state(|state, _| state.take_all());
    broker.discard_messages(&ids).await?;
    log::info!(queue = queue.name, messages = ids.len(); "Purged a queue.");
    Ok(EmptyAnswer {})
}

fn queue_url(host: &str, name: &str) -> String {
    format!("http://{host}/{ACCOUNT}/{name}")
}

/// Checks that the dead-letter queue exists and is not the queue itself.
pub(super) fn check_redrive_policy(
    broker: &Broker,
    name: &str,
    settings: &QueueSettings,
) -> Result<(), ApiError> {
    let Some(redrive) = &settings.redrive else { return Ok(()) };
    let target = &redrive.dead_letter_queue;
    if target == name {
        return Err(ApiError::parameter(
            "RedrivePolicy",
            target,
            "A queue cannot be its own dead letter target.",
        ));
    }
    match broker.queue(target) {
        Some(_) => Ok(()),
        None => {
            Err(ApiError::parameter("RedrivePolicy", target, "Dead letter target does not exist."))
        }
    }
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let is_valid = (1..=80).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if is_valid {
        return Ok(());
    }
    Err(ApiError::new(
        Code::InvalidParameterValue,
        "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length. \
         FIFO queues are not supported.",
    ))
}
