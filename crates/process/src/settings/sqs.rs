//! Which queues there are, and how they are polled.

use std::time::Duration;

use serde::Deserialize;

use super::Environment;

/// Which queues there are, and how they are polled.
/// Credentials and `AWS_ENDPOINT_URL_SQS` are the SDK's own and are not read here.
#[derive(Clone, Debug)]
pub struct SqsSettings {
    /// `SQS_REGION_NAME`: default `eu-west-1`.
    pub region: String,
    /// `SQS_FORM_DATA_QUEUE_NAME` behind `SQS_QUEUE_NAME_PREFIX`: queue of form type `form`; default `directory-form-data`.
    pub form_queue: String,
    /// `SQS_INVALID_MESAGES_QUEUE_NAME`, the 2016 spelling, or `SQS_INVALID_MESSAGES_QUEUE_NAME`, behind the prefix;
    /// default `directory-form-data-invalid`.
    pub invalid_queue: String,
    /// `SQS_CREATE_QUEUES`: whether missing queues are created; default true.
    pub create_queues: bool,
    /// `SQS_WAIT_TIME`: how long a poll waits for a message, 0–20 s; default 20.
    pub wait_time: Duration,
    /// `SQS_MAX_NUMBER_OF_MESSAGES`: how many a poll takes at the most, 1–10; default 10.
    pub max_messages: u8,
    /// `SQS_VISIBILITY_TIMEOUT`: how long a received message is hidden from others, 1–43200 s; default 21600.
    pub visibility_timeout: Duration,
}

#[derive(Default, Deserialize)]
struct Variables {
    sqs_region_name: Option<String>,
    sqs_form_data_queue_name: Option<String>,
    sqs_invalid_mesages_queue_name: Option<String>,
    sqs_invalid_messages_queue_name: Option<String>,
    sqs_queue_name_prefix: Option<String>,
    sqs_create_queues: Option<String>,
    sqs_wait_time: Option<String>,
    sqs_max_number_of_messages: Option<String>,
    sqs_visibility_timeout: Option<String>,
}

const INVALID_2016: &str = "SQS_INVALID_MESAGES_QUEUE_NAME";
const INVALID: &str = "SQS_INVALID_MESSAGES_QUEUE_NAME";

impl SqsSettings {
    /// Reads the variables.
    pub fn read(environment: &mut Environment) -> Self {
        let v: Variables = environment.variables();
        let prefix = environment.text("SQS_QUEUE_NAME_PREFIX", v.sqs_queue_name_prefix, "");

        let form = environment.text("SQS_FORM_DATA_QUEUE_NAME", v.sqs_form_data_queue_name, "directory-form-data");
        let old_spelling = environment.optional(INVALID_2016, v.sqs_invalid_mesages_queue_name);
        let new_spelling = environment.optional(INVALID, v.sqs_invalid_messages_queue_name);
        if let (Some(old), Some(new)) = (&old_spelling, &new_spelling)
            && old != new
        {
            environment.fault(INVALID_2016, format_args!("and {INVALID} are two spellings of one name, and differ"));
        }
        let invalid = old_spelling.or(new_spelling).unwrap_or_else(|| "directory-form-data-invalid".to_owned());
        if form == invalid {
            environment.fault("SQS_FORM_DATA_QUEUE_NAME", format_args!("and {INVALID_2016} name the same queue"));
        }

        let form_queue = queue_name(environment, "SQS_FORM_DATA_QUEUE_NAME", &prefix, &form);
        let invalid_queue = queue_name(environment, INVALID_2016, &prefix, &invalid);
        Self {
            region: environment.text("SQS_REGION_NAME", v.sqs_region_name, "eu-west-1"),
            form_queue,
            invalid_queue,
            create_queues: environment.flag("SQS_CREATE_QUEUES", v.sqs_create_queues, true),
            wait_time: environment.seconds("SQS_WAIT_TIME", v.sqs_wait_time, 20, 0..=20),
            max_messages: environment.number("SQS_MAX_NUMBER_OF_MESSAGES", v.sqs_max_number_of_messages, 10, 1..=10),
            visibility_timeout: environment.seconds(
                "SQS_VISIBILITY_TIMEOUT",
                v.sqs_visibility_timeout,
                21600,
                1..=43200,
            ),
        }
    }
}

/// SQS takes 1–80 letters, digits, hyphens and underscores.
fn queue_name(environment: &mut Environment, variable: &str, prefix: &str, name: &str) -> String {
    let name = format!("{prefix}{name}");
    if name.len() > 80 || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
        let rule = "with SQS_QUEUE_NAME_PREFIX before it must be 1 to 80 letters, digits, hyphens and underscores";
        environment.fault(variable, rule);
    }
    name
}
