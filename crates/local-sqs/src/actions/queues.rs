//! CreateQueue, GetQueueUrl, ListQueues, DeleteQueue, PurgeQueue.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::attributes::check_redrive;
use crate::broker::Broker;
use crate::error::{ApiError, Code};
use crate::journal::Change;
use crate::queue::{Modified, Queue, now_ms};
use crate::queue_settings::{ACCOUNT, QueueSettings};

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

/// A request that names a queue and nothing else.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct QueueOnly {
    queue_url: Option<String>,
}

/// An answer without content.
#[derive(Debug, Serialize)]
pub(crate) struct Nothing {}

/// Creates a queue, or finds the one of that name; an attribute given with another value than it has is an error.
///
/// Unlike SQS, a name can be used again at once after its queue was deleted: tests would wait a minute for nothing.
pub(crate) async fn create(
    broker: &Arc<Broker>,
    host: &str,
    request: CreateQueue,
) -> Result<UrlAnswer, ApiError> {
    let name = request.queue_name.ok_or_else(|| ApiError::missing("QueueName"))?;
    check_name(&name)?;
    let given = request.attributes.unwrap_or_default();
    let guard = Arc::clone(&broker.administration).lock_owned().await;
    let answer = UrlAnswer { queue_url: url(host, &name) };
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
    check_redrive(broker, &name, &settings)?;
    let created_ms = now_ms();
    let attributes = settings.to_map();
    let modified = Modified { settings: Arc::new(settings), modified_ms: created_ms };
    let queue = Arc::new(Queue::new(broker.new_queue_id(), name.clone(), created_ms, modified));
    let change = Change::CreateQueue { id: queue.id, name: name.clone(), created_ms, attributes };
    let applied_to = Arc::clone(broker);
    broker
        .commit(change, move || {
            applied_to.insert_queue(queue);
            drop(guard);
        })
        .await?;
    log::info!("Created a queue. queue={name}");
    Ok(answer)
}

pub(crate) fn get_url(
    broker: &Broker,
    host: &str,
    request: GetQueueUrl,
) -> Result<UrlAnswer, ApiError> {
    let name = request.queue_name.ok_or_else(|| ApiError::missing("QueueName"))?;
    let queue = broker.queue(&name).ok_or_else(ApiError::no_such_queue)?;
    Ok(UrlAnswer { queue_url: url(host, &queue.name) })
}

/// All queues by name, in pages of `MaxResults`; the token is the last name of the page before.
pub(crate) fn list(
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
                ApiError::parameter("NextToken", token, "It was not given by this server.")
            })?)
        }
        None => None,
    };
    let mut names = broker.queue_names(request.queue_name_prefix.as_deref().unwrap_or_default());
    names.retain(|name| after.as_ref().is_none_or(|after| name > after));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = names.len() > limit;
    names.truncate(limit);
    // As in SQS, there are pages only for those who ask for pages.
    let next_token =
        names.last().filter(|_| has_more && request.max_results.is_some()).map(hex::encode);
    Ok(ListAnswer { queue_urls: names.iter().map(|name| url(host, name)).collect(), next_token })
}

/// Deletes a queue and its messages.
pub(crate) async fn delete(broker: &Arc<Broker>, request: QueueOnly) -> Result<Nothing, ApiError> {
    let guard = Arc::clone(&broker.administration).lock_owned().await;
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    let (applied_to, name) = (Arc::clone(broker), queue.name.clone());
    broker
        .commit(Change::DeleteQueue { id: queue.id }, move || {
            applied_to.remove_queue(&queue);
            let ids = queue.with_state(|state, _| state.clear());
            // Not waited for: what a crash leaves behind is cleared away at the next start.
            drop(applied_to.discard(&ids));
            drop(guard);
        })
        .await?;
    log::info!("Deleted a queue. queue={name}");
    Ok(Nothing {})
}

/// Deletes all messages of a queue; they are hidden at once, and off the disk when this answers.
///
/// Unlike SQS, it can be asked for again at once.
pub(crate) async fn purge(broker: &Arc<Broker>, request: QueueOnly) -> Result<Nothing, ApiError> {
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    let ids = queue.with_state(|state, _| state.clear());
    broker.discard(&ids).await?;
    log::info!("Purged a queue. queue={} messages={}", queue.name, ids.len());
    Ok(Nothing {})
}

fn url(host: &str, name: &str) -> String {
    format!("http://{host}/{ACCOUNT}/{name}")
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
         FIFO queues are not known here.",
    ))
}
