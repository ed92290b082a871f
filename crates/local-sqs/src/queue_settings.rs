//! The attributes of a queue that can be set: their names, ranges, defaults and text form.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::error::{ApiError, Code};

/// The account that every queue belongs to.
pub(crate) const ACCOUNT: &str = "000000000000";
/// The region in ARNs. Any region is accepted in requests.
const REGION: &str = "eu-west-1";

/// Attributes that only have a meaning on AWS; this server stores and returns them.
const KEPT: [&str; 5] = [
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "Policy",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
];

/// The attributes of one queue. Times are in seconds, sizes in bytes; defaults and ranges are those
/// of SQS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct QueueSettings {
    pub(crate) visibility_timeout: i64,
    pub(crate) delay: i64,
    pub(crate) retention: i64,
    pub(crate) wait_time: i64,
    pub(crate) maximum_message_size: i64,
    pub(crate) redrive: Option<Redrive>,
    kept: BTreeMap<String, String>,
}

/// A message that is received more than `max_receives` times moves to the queue
/// `dead_letter_queue`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Redrive {
    pub(crate) dead_letter_queue: String,
    target_arn: String,
    pub(crate) max_receives: u32,
}

impl Default for QueueSettings {
    fn default() -> Self {
        QueueSettings {
            visibility_timeout: 30,
            delay: 0,
            retention: 345_600,
            wait_time: 0,
            maximum_message_size: 1_048_576,
            redrive: None,
            kept: BTreeMap::from([("SqsManagedSseEnabled".to_owned(), "true".to_owned())]),
        }
    }
}

impl QueueSettings {
    /// These settings with the given ones changed. Values are text, as on the wire.
    pub(crate) fn with(&self, given: &BTreeMap<String, String>) -> Result<Self, ApiError> {
        let mut settings = self.clone();
        for (name, value) in given {
            match name.as_str() {
                "VisibilityTimeout" => {
                    settings.visibility_timeout = number(name, value, 0, 43_200)?
                }
                "DelaySeconds" => settings.delay = number(name, value, 0, 900)?,
                "MessageRetentionPeriod" => {
                    settings.retention = number(name, value, 60, 1_209_600)?
                }
                "ReceiveMessageWaitTimeSeconds" => settings.wait_time = number(name, value, 0, 20)?,
                "MaximumMessageSize" => {
                    settings.maximum_message_size = number(name, value, 1024, 1_048_576)?
                }
                "RedrivePolicy" if value.is_empty() => settings.redrive = None,
                "RedrivePolicy" => settings.redrive = Some(Redrive::parse(value)?),
                kept if KEPT.contains(&kept) && value.is_empty() => {
                    settings.kept.remove(kept);
                }
                kept if KEPT.contains(&kept) => {
                    settings.kept.insert(kept.to_owned(), value.clone());
                }
                other => {
                    return Err(ApiError::new(
                        Code::InvalidAttributeName,
                        format!("Unknown Attribute {other}."),
                    ));
                }
            }
        }
        Ok(settings)
    }

    /// All settings as text; [`QueueSettings::with`] reads them back.
    pub(crate) fn to_map(&self) -> BTreeMap<String, String> {
        let mut map = self.kept.clone();
        let mut put = |name: &str, value: String| map.insert(name.to_owned(), value);
        put("VisibilityTimeout", self.visibility_timeout.to_string());
        put("DelaySeconds", self.delay.to_string());
        put("MessageRetentionPeriod", self.retention.to_string());
        put("ReceiveMessageWaitTimeSeconds", self.wait_time.to_string());
        put("MaximumMessageSize", self.maximum_message_size.to_string());
        if let Some(redrive) = &self.redrive {
            put("RedrivePolicy", redrive.to_json());
        }
        map
    }

    /// Whether `name` is an attribute that a queue may have, set or not.
    pub(crate) fn is_known(name: &str) -> bool {
        name == "RedrivePolicy"
            || KEPT.contains(&name)
            || QueueSettings::default().to_map().contains_key(name)
    }
}

impl Redrive {
    fn parse(text: &str) -> Result<Self, ApiError> {
        /// SQS accepts the number as a JSON number or as text.
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Policy {
            dead_letter_target_arn: String,
            max_receive_count: serde_json::Value,
        }
        let invalid = |reason: &str| ApiError::parameter("RedrivePolicy", text, reason);
        let policy: Policy = serde_json::from_str(text).map_err(|_| {
            invalid("Redrive policy must be JSON with deadLetterTargetArn and maxReceiveCount.")
        })?;
        let max_receives = match &policy.max_receive_count {
            serde_json::Value::String(text) => text.parse().ok(),
            other => other.as_u64().and_then(|count| u32::try_from(count).ok()),
        };
        let max_receives = max_receives
            .filter(|count| (1..=1000).contains(count))
            .ok_or_else(|| invalid("maxReceiveCount must be an integer between 1 and 1000."))?;
        let arn = policy.dead_letter_target_arn;
        let name = arn.strip_prefix("arn:aws:sqs:").and_then(|rest| rest.split(':').nth(2));
        let dead_letter_queue =
            name.ok_or_else(|| invalid("Invalid value for deadLetterTargetArn."))?.to_owned();
        Ok(Redrive { dead_letter_queue, target_arn: arn, max_receives })
    }

    fn to_json(&self) -> String {
        serde_json::json!({
            "deadLetterTargetArn": self.target_arn,
            "maxReceiveCount": self.max_receives,
        })
        .to_string()
    }
}

/// The ARN of a queue.
pub(crate) fn arn(queue_name: &str) -> String {
    format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{queue_name}")
}

fn number(name: &str, value: &str, least: i64, most: i64) -> Result<i64, ApiError> {
    value.parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        ApiError::new(
            Code::InvalidAttributeValue,
            format!(
                "Invalid value for the parameter {name}. \
                 Reason: Must be an integer from {least} to {most}."
            ),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_survive_being_written_and_read_back() {
        let given = BTreeMap::from([
            ("VisibilityTimeout".to_owned(), "7".to_owned()),
            ("Policy".to_owned(), "{}".to_owned()),
            (
                "RedrivePolicy".to_owned(),
                r#"{"deadLetterTargetArn":"arn:aws:sqs:x:0:dead","maxReceiveCount":"3"}"#
                    .to_owned(),
            ),
        ]);
        let settings = QueueSettings::default().with(&given).unwrap();
        assert_eq!(settings.redrive.as_ref().unwrap().dead_letter_queue, "dead");
        assert_eq!(QueueSettings::default().with(&settings.to_map()).unwrap(), settings);
    }
}
