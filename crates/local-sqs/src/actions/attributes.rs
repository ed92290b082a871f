//! GetQueueAttributes, SetQueueAttributes.

use std::{collections::BTreeMap, sync::Arc};

use serde::{Deserialize, Serialize};

use super::queues::{EmptyAnswer, check_redrive_policy};
use crate::{
    broker::Broker,
    error::{ApiError, Code},
    journal::Change,
    queue::{CurrentSettings, Queue, now_ms},
    queue_settings::{self, QueueSettings},
};

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

pub(crate) fn get_queue_attributes(
    broker: &Arc<Broker>,
    request: GetAttributes,
) -> Result<AttributesAnswer, ApiError> {
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    let mut attributes = all_attributes(broker, &queue);
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

fn all_attributes(broker: &Arc<Broker>, queue: &Queue) -> BTreeMap<String, String> {
    let CurrentSettings { settings, modified_ms } = queue.current_settings();
    let (counts, expired) = queue.with_state(|state, now_ms| {
        let expired = state.take_expired(settings.retention * 1000, now_ms);
        (state.counts(), expired)
    });
    // No need to wait: after a restart these messages would be just as expired.
    drop(broker.discard_messages(&expired));
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

pub(crate) async fn set_queue_attributes(
    broker: &Arc<Broker>,
    request: SetAttributes,
) -> Result<EmptyAnswer, ApiError> {
    let guard = Arc::clone(&broker.administration).lock_owned().await;
    let queue = broker.queue_by_url(request.queue_url.as_deref())?;
    let given = request.attributes.ok_or_else(|| ApiError::missing("Attributes"))?;
    let settings = queue.settings().with(&given)?;
    if given.contains_key("RedrivePolicy") {
        check_redrive_policy(broker, &queue.name, &settings)?;
    }
    let modified_ms = now_ms();
    let change = Change::SetAttributes { id: queue.id, modified_ms, attributes: settings.to_map() };
    let settings = CurrentSettings { settings: Arc::new(settings), modified_ms };
    broker
        .commit(change, move || {
            queue.set_settings(settings);
            drop(guard);
        })
        .await?;
    Ok(EmptyAnswer {})
}
