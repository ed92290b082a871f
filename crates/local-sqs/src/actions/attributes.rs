//! GetQueueAttributes, SetQueueAttributes.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::queues::Nothing;
use crate::broker::Broker;
use crate::error::{ApiError, Code};
use crate::journal::Change;
use crate::queue::{Modified, Queue, now_ms};
use crate::queue_settings::{self, QueueSettings};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct GetAttributes {
    queue_url: Option<String>,
    attribute_names: Option<Vec<String>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct AttributesAnswer {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    attributes: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct SetAttributes {
    queue_url: Option<String>,
    attributes: Option<BTreeMap<String, String>>,
}

pub(crate) fn get(
    broker: &Arc<Broker>,
    request: GetAttributes,
) -> Result<AttributesAnswer, ApiError> {
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    let mut attributes = all(broker, &queue);
    let wanted = request.attribute_names.unwrap_or_default();
    if let Some(unknown) = wanted.iter().find(|name| {
        *name != "All" && !attributes.contains_key(*name) && !QueueSettings::is_known(name)
    }) {
        return Err(ApiError::new(
            Code::InvalidAttributeName,
            format!("Unknown Attribute {unknown}."),
        ));
    }
    if !wanted.iter().any(|name| name == "All") {
        attributes.retain(|name, _| wanted.contains(name));
    }
    Ok(AttributesAnswer { attributes })
}

fn all(broker: &Arc<Broker>, queue: &Queue) -> BTreeMap<String, String> {
    let Modified { settings, modified_ms } = queue.modified();
    let (counts, expired) = queue.with_state(|state, now_ms| {
        let expired = state.expire(settings.retention * 1000, now_ms);
        (state.counts(), expired)
    });
    // Not waited for: it would be too old after a restart as well.
    drop(broker.discard(&expired));
    let mut all = settings.to_map();
    let mut put = |name: &str, value: String| all.insert(name.to_owned(), value);
    put("ApproximateNumberOfMessages", counts.visible.to_string());
    put("ApproximateNumberOfMessagesNotVisible", counts.in_flight.to_string());
    put("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string());
    put("CreatedTimestamp", (queue.created_ms / 1000).to_string());
    put("LastModifiedTimestamp", (modified_ms / 1000).to_string());
    put("QueueArn", queue_settings::arn(&queue.name));
    all
}

pub(crate) async fn set(broker: &Arc<Broker>, request: SetAttributes) -> Result<Nothing, ApiError> {
    let guard = Arc::clone(&broker.administration).lock_owned().await;
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    let given = request.attributes.ok_or_else(|| ApiError::missing("Attributes"))?;
    let settings = queue.settings().with(&given)?;
    if given.contains_key("RedrivePolicy") {
        check_redrive(broker, &queue.name, &settings)?;
    }
    let modified_ms = now_ms();
    let change = Change::SetAttributes { id: queue.id, modified_ms, attributes: settings.to_map() };
    let modified = Modified { settings: Arc::new(settings), modified_ms };
    broker
        .commit(change, move || {
            queue.set_settings(modified);
            drop(guard);
        })
        .await?;
    Ok(Nothing {})
}

/// Checks that the dead-letter queue exists and is another one.
pub(super) fn check_redrive(
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
