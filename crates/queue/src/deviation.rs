//! Attributes of queues that can lose messages, and the commands that fix them.

use serde_json::{Map, Value};

use crate::{
    attributes::{Attributes, RedrivePolicy},
    queue::Queue,
};

/// How often SQS delivers a message before it moves it to the invalid queue itself: such a message may kill workers.
const MAX_RECEIVE_COUNT: u32 = 20;
/// With a lower count, an outage of some minutes sends good messages to the invalid queue.
const MIN_RECEIVE_COUNT: u32 = 10;
/// 14 days, the longest that SQS keeps a message.
pub(crate) const RETENTION_SECONDS: u64 = 1_209_600;

/// A queue with its attributes.
pub(crate) type Described<'a> = (&'a Queue, &'a Attributes);

/// An attribute that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deviation {
    queue: String,
    attribute: &'static str,
    is: String,
    should_be: String,
    consequence: &'static str,
    command: String,
}

/// The policy that a form queue should have.
pub(crate) fn redrive_policy(invalid_arn: &str) -> RedrivePolicy {
    RedrivePolicy { target_arn: invalid_arn.to_owned(), max_receive_count: MAX_RECEIVE_COUNT }
}

/// What is wrong with a pair of queues.
pub(crate) fn of_pair(form: Described, invalid: Described) -> Vec<Deviation> {
    let retention = [form, invalid].into_iter().filter_map(retention);
    retention.chain(redrive(form, invalid)).chain(size(form, invalid)).collect()
}

impl Deviation {
    pub(crate) fn warn(&self) {
        let Self { queue, attribute, is, should_be, consequence, command } = self;
        log::warn!(
            queue, attribute, is, should_be;
            "A queue is not set up as it should be: {consequence}. Fix it with: {command}"
        );
    }

    fn new(
        (queue, attributes): Described,
        attribute: &'static str,
        is: impl ToString,
        should_be: impl ToString,
    ) -> Self {
        Self {
            queue: queue.name().to_owned(),
            attribute,
            is: is.to_string(),
            should_be: should_be.to_string(),
            consequence: "",
            command: command(queue, attributes, attribute, should_be.to_string()),
        }
    }
}

fn retention(queue: Described) -> Option<Deviation> {
    let retention = queue.1.retention.filter(|seconds| *seconds < RETENTION_SECONDS)?;
    Some(Deviation {
        consequence: "SQS deletes its messages before 14 days have passed",
        ..Deviation::new(queue, "MessageRetentionPeriod", retention, RETENTION_SECONDS)
    })
}

/// Needs the address of the invalid queue.
fn redrive(form: Described, invalid: Described) -> Vec<Deviation> {
    let Some(invalid_arn) = &invalid.1.arn else { return Vec::new() };
    let right = redrive_policy(invalid_arn).to_json();
    let deviation = || Deviation::new(form, "RedrivePolicy", "none", &right);
    let Some(policy) = &form.1.redrive_policy else {
        return vec![Deviation {
            consequence: "a message that kills a worker comes back forever",
            ..deviation()
        }];
    };
    let mut deviations = Vec::new();
    if policy.target_arn != *invalid_arn {
        deviations.push(Deviation {
            attribute: "deadLetterTargetArn",
            is: name_of(&policy.target_arn),
            should_be: name_of(invalid_arn),
            consequence: "SQS moves messages to a queue that `worker invalid list` does not show",
            ..deviation()
        });
    }
    if policy.max_receive_count < MIN_RECEIVE_COUNT {
        deviations.push(Deviation {
            attribute: "maxReceiveCount",
            is: policy.max_receive_count.to_string(),
            should_be: MAX_RECEIVE_COUNT.to_string(),
            consequence: "a short outage sends good messages to the invalid queue",
            ..deviation()
        });
    }
    deviations
}

fn size(form: Described, invalid: Described) -> Option<Deviation> {
    let form_size = form.1.max_message_size?;
    let invalid_size = invalid.1.max_message_size.filter(|size| *size < form_size)?;
    Some(Deviation {
        consequence: "large invalid messages cannot be set aside whole",
        ..Deviation::new(invalid, "MaximumMessageSize", invalid_size, form_size)
    })
}

/// The name of a queue, which is the last part of its address in AWS.
fn name_of(arn: &str) -> String {
    arn.rsplit(':').next().unwrap_or(arn).to_owned()
}

fn command(queue: &Queue, attributes: &Attributes, attribute: &str, value: String) -> String {
    let region = attributes.arn.as_deref().and_then(|arn| arn.split(':').nth(3));
    let region = region.map(|region| format!(" --region {region}")).unwrap_or_default();
    let input = Value::Object(Map::from_iter([(attribute.to_owned(), Value::String(value))]));
    let url = &queue.address.url;
    format!("aws sqs set-queue-attributes{region} --queue-url {url} --attributes '{input}'")
}
