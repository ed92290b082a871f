//! Finds the queues of a form type, and creates those that are missing.

use std::collections::HashMap;

use aws_sdk_sqs::types::QueueAttributeName;

use crate::{
    Queue,
    connection::Connection,
    error::{Cause, SqsError},
    policy,
};

/// How often SQS delivers a message before it sets it aside itself, as what kills a worker again and again.
const MAX_RECEIVE_COUNT: u32 = 20;
/// 14 days, the longest that SQS keeps a message.
const RETENTION_SECONDS: u32 = 1_209_600;

/// Names of a form type's queues, with any prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueNames {
    /// Where the api sends to.
    pub form: String,
    /// Where the worker sends what cannot be stored.
    pub invalid: String,
}

/// Both queues of a form type, as the worker needs them.
#[derive(Clone)]
pub struct QueuePair {
    /// Where messages come from.
    pub form: Queue,
    /// Where those go that cannot be stored.
    pub invalid: Queue,
}

/// Finds queues, and creates missing ones where it may.
#[derive(Clone)]
pub struct QueueFinder {
    /// The client to use.
    pub connection: Connection,
    /// The queues to find.
    pub names: QueueNames,
    /// Whether a missing queue is created.
    pub create: bool,
}

impl QueueFinder {
    /// The form queue alone, as the api needs it.
    ///
    /// # Errors
    /// SQS is away, denies access, or the queue is missing and may not be created.
    pub async fn form_queue(&self) -> Result<Queue, SqsError> {
        match self.url(&self.names.form).await {
            Err(error) if error.cause() == Cause::MissingQueue && self.create => {
                self.find_or_create(&self.names.invalid, None).await?;
                self.create_form_queue().await?;
            }
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        Ok(self.describe(&self.names.form).await?.queue)
    }

    /// The invalid queue alone, as an operator's look at it needs it. It is never created here.
    ///
    /// # Errors
    /// SQS is away, denies access, or the queue is missing.
    pub async fn invalid_queue(&self) -> Result<Queue, SqsError> {
        Ok(self.describe(&self.names.invalid).await?.queue)
    }

    /// Both queues; warnings say what is not as it should be with queues that were there before.
    ///
    /// # Errors
    /// As [`QueueFinder::form_queue`].
    pub async fn pair(&self) -> Result<QueuePair, SqsError> {
        self.find_or_create(&self.names.invalid, None).await?;
        let invalid = self.describe(&self.names.invalid).await?;
        match self.url(&self.names.form).await {
            Err(error) if error.cause() == Cause::MissingQueue && self.create => {
                self.create_form_queue().await?
            }
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        let form = self.describe(&self.names.form).await?;
        warn_of_what_is_missing(&form, &invalid);
        Ok(QueuePair { form: form.queue, invalid: invalid.queue })
    }

    async fn create_form_queue(&self) -> Result<(), SqsError> {
        let invalid = self.describe(&self.names.invalid).await?;
        let redrive_policy = invalid.arn.as_deref().map(redrive_policy);
        self.find_or_create(&self.names.form, redrive_policy).await
    }

    async fn find_or_create(
        &self,
        name: &str,
        redrive_policy: Option<String>,
    ) -> Result<(), SqsError> {
        match self.url(name).await {
            Err(error) if error.cause() == Cause::MissingQueue && self.create => {}
            other => return other.map(drop),
        }
        let mut request = self.connection.client().create_queue().queue_name(name);
        request = request
            .attributes(QueueAttributeName::MessageRetentionPeriod, RETENTION_SECONDS.to_string());
        if let Some(policy) = redrive_policy {
            request = request.attributes(QueueAttributeName::RedrivePolicy, policy);
        }
        match request.customize().config_override(policy::provision()).send().await {
            Ok(_) => {
                log::info!("Created a queue that was missing. queue={name}");
                Ok(())
            }
            Err(error) => {
                let error = SqsError::of_call("CreateQueue", &error);
                // Another process may have created it in the meantime, with other attributes.
                if error.cause() == Cause::Refused {
                    self.url(name).await.map(drop)
                } else {
                    Err(error)
                }
            }
        }
    }

    async fn url(&self, name: &str) -> Result<String, SqsError> {
        let request = self.connection.client().get_queue_url().queue_name(name);
        let answer = request.customize().config_override(policy::provision()).send().await;
        let answer = answer.map_err(|error| SqsError::of_call("GetQueueUrl", &error))?;
        answer.queue_url.ok_or_else(|| {
            SqsError::new("GetQueueUrl", Cause::Unavailable, "an answer without a URL")
        })
    }

    async fn describe(&self, name: &str) -> Result<Described, SqsError> {
        let url = self.url(name).await?;
        let request = self.connection.client().get_queue_attributes().queue_url(&url);
        let request = request
            .attribute_names(QueueAttributeName::MaximumMessageSize)
            .attribute_names(QueueAttributeName::QueueArn)
            .attribute_names(QueueAttributeName::RedrivePolicy);
        let answer = request.customize().config_override(policy::provision()).send().await;
        let attributes = match answer
            .map_err(|error| SqsError::of_call("GetQueueAttributes", &error))
        {
            Ok(answer) => Some(answer.attributes.unwrap_or_default()),
            Err(error) if error.cause() == Cause::Denied => {
                log::warn!(
                    "SQS does not tell the attributes of a queue; its own limits apply. queue={name} error=\"{error}\""
                );
                None
            }
            Err(error) => return Err(error),
        };
        let told = |name: &QueueAttributeName, map: &HashMap<QueueAttributeName, String>| {
            map.get(name).cloned()
        };
        let max_message_size =
            attributes.as_ref().and_then(|map| told(&QueueAttributeName::MaximumMessageSize, map));
        Ok(Described {
            arn: attributes.as_ref().and_then(|map| told(&QueueAttributeName::QueueArn, map)),
            lacks_redrive_policy: attributes
                .as_ref()
                .is_some_and(|map| !map.contains_key(&QueueAttributeName::RedrivePolicy)),
            queue: Queue {
                connection: self.connection.clone(),
                name: name.to_owned(),
                url,
                max_message_size: max_message_size.and_then(|size| size.parse().ok()),
            },
        })
    }
}

impl Queue {
    /// How many messages it has to give, as far as SQS knows and tells.
    pub async fn approximate_messages(&self) -> Option<u64> {
        let request = self.connection.client().get_queue_attributes().queue_url(&self.url);
        let request = request.attribute_names(QueueAttributeName::ApproximateNumberOfMessages);
        let answer = request.customize().config_override(policy::provision()).send().await.ok()?;
        answer.attributes?.get(&QueueAttributeName::ApproximateNumberOfMessages)?.parse().ok()
    }

    /// Whether SQS answers for this queue.
    ///
    /// # Errors
    /// Whatever keeps it from answering.
    pub async fn answers(&self) -> Result<(), SqsError> {
        let request = self.connection.client().get_queue_url().queue_name(&self.name);
        let answer = request.customize().config_override(policy::provision()).send().await;
        answer.map(drop).map_err(|error| SqsError::of_call("GetQueueUrl", &error))
    }
}

struct Described {
    queue: Queue,
    arn: Option<String>,
    lacks_redrive_policy: bool,
}

fn redrive_policy(invalid_arn: &str) -> String {
    serde_json::json!({ "deadLetterTargetArn": invalid_arn, "maxReceiveCount": MAX_RECEIVE_COUNT })
        .to_string()
}

fn warn_of_what_is_missing(form: &Described, invalid: &Described) {
    if form.lacks_redrive_policy {
        let name = &form.queue.name;
        let policy = invalid.arn.as_deref().map(redrive_policy).unwrap_or_default();
        let attributes = serde_json::json!({ "RedrivePolicy": policy });
        log::warn!(
            "A form queue has no redrive policy, so that a message that kills a worker comes back for ever; add one with: \
             aws sqs set-queue-attributes --queue-url {} --attributes '{attributes}' queue={name}",
            form.queue.url,
        );
    }
    if let (Some(form_size), Some(invalid_size)) =
        (form.queue.max_message_size, invalid.queue.max_message_size)
        && invalid_size < form_size
    {
        log::warn!(
            "The invalid queue takes shorter messages than the form queue, and long invalid messages could not go there. \
             queue={} MaximumMessageSize={invalid_size} form_queue={} form_MaximumMessageSize={form_size}",
            invalid.queue.name,
            form.queue.name,
        );
    }
}
