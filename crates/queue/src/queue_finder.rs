//! Finds the queues of a form type, and creates missing ones.

use aws_sdk_sqs::types::QueueAttributeName;

use crate::{
    connection::Connection,
    error::{Cause, SqsError},
    policy,
    queue::Queue,
    queue_address::QueueAddress,
};

/// How often SQS delivers a message before it moves it to the invalid queue itself: such a message may kill workers.
const MAX_RECEIVE_COUNT: u32 = 20;
/// 14 days, the longest that SQS keeps a message.
const RETENTION_SECONDS: u32 = 1_209_600;

/// Names of a form type's queues, with any prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueNames {
    /// The queue from api to worker.
    pub form: String,
    /// The queue for messages that cannot be stored.
    pub invalid: String,
}

/// Both queues of a form type, as the worker needs them.
#[derive(Clone)]
pub struct QueuePair {
    /// The queue from api to worker.
    pub form: Queue,
    /// The queue for messages that cannot be stored.
    pub invalid: Queue,
}

/// Finds queues, and creates missing ones if it may.
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
    /// The form queue alone, for the api.
    ///
    /// # Errors
    /// SQS is unavailable, denies access, or the queue is missing and may not be created.
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

    /// The invalid queue alone, for an operator. It is never created here.
    ///
    /// # Errors
    /// SQS is unavailable, denies access, or the queue is missing.
    pub async fn invalid_queue(&self) -> Result<Queue, SqsError> {
        Ok(self.describe(&self.names.invalid).await?.queue)
    }

    /// Both queues. If they existed before and their settings can lose messages, a warning says so.
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
        warn_of_bad_attributes(&form, &invalid);
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
        match request.customize().config_override(policy::find()).send().await {
            Ok(_) => {
                log::info!(queue = name; "Created a queue that was missing.");
                Ok(())
            }
            Err(error) => {
                let error = SqsError::from_call("CreateQueue", &error);
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
        let answer = request.customize().config_override(policy::find()).send().await;
        let answer = answer.map_err(|error| SqsError::from_call("GetQueueUrl", &error))?;
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
        let answer = request.customize().config_override(policy::find()).send().await;
        let attributes =
            match answer.map_err(|error| SqsError::from_call("GetQueueAttributes", &error)) {
                Ok(answer) => Some(answer.attributes.unwrap_or_default()),
                Err(error) if error.cause() == Cause::Denied => {
                    log::warn!(
                        queue = name, error:% = error;
                        "Access to a queue's attributes is denied; SQS applies its own limits."
                    );
                    None
                }
                Err(error) => return Err(error),
            };
        let attribute = |name| attributes.as_ref().and_then(|map| map.get(&name));
        let max_message_size = attribute(QueueAttributeName::MaximumMessageSize);
        let redrive_policy = attribute(QueueAttributeName::RedrivePolicy);
        Ok(Described {
            arn: attribute(QueueAttributeName::QueueArn).cloned(),
            lacks_redrive_policy: attributes.is_some() && redrive_policy.is_none(),
            queue: Queue {
                address: QueueAddress {
                    connection: self.connection.clone(),
                    name: name.to_owned(),
                    url,
                },
                max_message_size: max_message_size.and_then(|size| size.parse().ok()),
            },
        })
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

fn warn_of_bad_attributes(form: &Described, invalid: &Described) {
    if form.lacks_redrive_policy {
        let policy = invalid.arn.as_deref().map(redrive_policy).unwrap_or_default();
        let attributes = serde_json::json!({ "RedrivePolicy": policy });
        log::warn!(
            queue = form.queue.name();
            "A form queue has no redrive policy, so a message that kills a worker comes back forever; add one with: \
             aws sqs set-queue-attributes --queue-url {} --attributes '{attributes}'",
            form.queue.address.url,
        );
    }
    if let (Some(form_size), Some(invalid_size)) =
        (form.queue.max_message_size, invalid.queue.max_message_size)
        && invalid_size < form_size
    {
        log::warn!(
            queue = invalid.queue.name(),
            MaximumMessageSize = invalid_size,
            form_queue = form.queue.name(),
            form_MaximumMessageSize = form_size;
            "The invalid queue accepts smaller messages than the form queue, so large invalid messages cannot be set aside whole."
        );
    }
}
