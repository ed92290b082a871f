//! Finds the queues of a form type, and creates missing ones.

use aws_sdk_sqs::types::QueueAttributeName;

use crate::{
    attributes,
    connection::Connection,
    deviation,
    error::{Cause, SqsError},
    policy,
    queue::Queue,
    queue_address::QueueAddress,
    recent_sends::RecentSends,
    size_limit::SizeLimit,
};

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

    /// Both queues. [`QueuePair::watch`] warns if their attributes can lose messages.
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
        Ok(QueuePair { form: form.queue, invalid: invalid.queue })
    }

    async fn create_form_queue(&self) -> Result<(), SqsError> {
        let invalid = self.describe(&self.names.invalid).await?;
        let redrive_policy =
            invalid.arn.as_deref().map(|arn| deviation::redrive_policy(arn).to_json());
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
        request = request.attributes(
            QueueAttributeName::MessageRetentionPeriod,
            deviation::RETENTION_SECONDS.to_string(),
        );
        if let Some(policy) = redrive_policy {
            request = request.attributes(QueueAttributeName::RedrivePolicy, policy);
        }
        match request.customize().config_override(policy::find()).send().await {
            Ok(answer) => {
                let url = answer.queue_url.unwrap_or_default();
                let region = self.connection.region();
                self.connection.created_queues().record(name, &url, region);
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
        let address =
            QueueAddress { connection: self.connection.clone(), name: name.to_owned(), url };
        let attributes = attributes::read(&address).await?;
        if attributes.is_none() {
            log::warn!(
                queue = name;
                "Access to a queue's attributes is denied: nobody checks them, and SQS applies its own limits."
            );
        }
        let max_message_size = attributes.as_ref().and_then(|it| it.max_message_size);
        let queue = Queue {
            address,
            limit: SizeLimit::new(max_message_size),
            sends: RecentSends::default(),
        };
        Ok(Described { queue, arn: attributes.and_then(|it| it.arn) })
    }
}

struct Described {
    queue: Queue,
    arn: Option<String>,
}
