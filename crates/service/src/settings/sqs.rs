//! Which queues there are, and how they are polled.

use std::{collections::BTreeMap, time::Duration};

use serde::Deserialize;

use super::Environment;

/// Which queues there are, and how they are polled.
/// Credentials and `AWS_ENDPOINT_URL_SQS` are the SDK's own and are not read here.
#[derive(Clone, Debug)]
pub struct SqsSettings {
    /// `SQS_REGION_NAME`: default `eu-west-1`.
    pub region: String,
    /// The queues of each form type, by its name, with `SQS_QUEUE_NAME_PREFIX` put before.
    ///
    /// Of type `form` they are `SQS_FORM_DATA_QUEUE_NAME`, default `directory-form-data`, and
    /// `SQS_INVALID_MESAGES_QUEUE_NAME`, the 2016 spelling, or `SQS_INVALID_MESSAGES_QUEUE_NAME`, default
    /// `directory-form-data-invalid`. Of another type, such as `enrolment`, they are `SQS_ENROLMENT_QUEUE_NAME`, default
    /// `directory-enrolment`, and `SQS_INVALID_ENROLMENT_QUEUE_NAME`, default `directory-enrolment-invalid`.
    pub queues: BTreeMap<String, QueuePairSettings>,
    /// `SQS_CREATE_QUEUES`: whether missing queues are created; default true.
    pub create_queues: bool,
    /// `SQS_WAIT_TIME`: how long a poll waits for a message, 0–20 s; default 20.
    pub wait_time: Duration,
    /// `SQS_MAX_NUMBER_OF_MESSAGES`: how many a poll takes at the most, 1–10; default 10.
    pub max_messages: u8,
    /// `SQS_VISIBILITY_TIMEOUT`: how long a received message is hidden from others, 1–43200 s; default 21600.
    pub visibility_timeout: Duration,
}

/// Names of a form type's queues, with the prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuePairSettings {
    /// Where the api sends to.
    pub form: String,
    /// Where the worker sends what cannot be stored.
    pub invalid: String,
}

#[derive(Default, Deserialize)]
struct Variables {
    sqs_region_name: Option<String>,
    sqs_invalid_mesages_queue_name: Option<String>,
    sqs_invalid_messages_queue_name: Option<String>,
    sqs_queue_name_prefix: Option<String>,
    sqs_create_queues: Option<String>,
    sqs_wait_time: Option<String>,
    sqs_max_number_of_messages: Option<String>,
    sqs_visibility_timeout: Option<String>,
}

const FORM: &str = "SQS_FORM_DATA_QUEUE_NAME";
const INVALID_2016: &str = "SQS_INVALID_MESAGES_QUEUE_NAME";
const INVALID: &str = "SQS_INVALID_MESSAGES_QUEUE_NAME";

impl SqsSettings {
    /// Reads the variables, with the queues of these form types.
    pub fn read(environment: &mut Environment, form_types: &[String]) -> Self {
        let v: Variables = environment.variables();
        let prefix = environment.text("SQS_QUEUE_NAME_PREFIX", v.sqs_queue_name_prefix, "");
        let old_spelling = environment.optional(INVALID_2016, v.sqs_invalid_mesages_queue_name);
        let new_spelling = environment.optional(INVALID, v.sqs_invalid_messages_queue_name);
        if let (Some(old), Some(new)) = (&old_spelling, &new_spelling)
            && old != new
        {
            environment.fault(
                INVALID_2016,
                format_args!("and {INVALID} are two spellings of one name, and differ"),
            );
        }

        let mut queues = BTreeMap::new();
        // Each name with the variable that gives it, and each variable with its form type.
        let mut given: BTreeMap<String, String> = BTreeMap::new();
        let mut owners: BTreeMap<String, &String> = BTreeMap::new();
        // What can be in no queue's name was refused as a form type's name.
        for form_type in form_types.iter().filter(|name| suits_sqs(name)) {
            let (form_variable, invalid_variable, base) = match form_type.as_str() {
                "form" => {
                    (FORM.to_owned(), INVALID_2016.to_owned(), "directory-form-data".to_owned())
                }
                other => {
                    let capitals = other.to_ascii_uppercase().replace('-', "_");
                    let variables = (
                        format!("SQS_{capitals}_QUEUE_NAME"),
                        format!("SQS_INVALID_{capitals}_QUEUE_NAME"),
                    );
                    (variables.0, variables.1, format!("directory-{other}"))
                }
            };
            let mut variables = vec![form_variable.clone(), invalid_variable.clone()];
            if form_type == "form" {
                variables.push(INVALID.to_owned());
            }
            let shared =
                variables.iter().find_map(|variable| Some((variable, owners.get(variable)?)));
            if let Some((variable, other)) = shared {
                let what = format_args!(
                    "names {other} and {form_type}, whose queues would share {variable}"
                );
                environment.fault("FORM_TYPES", what);
                continue;
            }
            owners.extend(variables.into_iter().map(|variable| (variable, form_type)));
            let invalid = match form_type.as_str() {
                "form" => old_spelling.clone().or(new_spelling.clone()),
                _ => environment.named(&invalid_variable),
            };
            let form = environment.named(&form_variable).unwrap_or_else(|| base.clone());
            let invalid = invalid.unwrap_or_else(|| format!("{base}-invalid"));
            for (variable, name) in [(&form_variable, &form), (&invalid_variable, &invalid)] {
                if let Some(other) = given.insert(name.clone(), variable.clone()) {
                    environment.fault(variable, format_args!("and {other} name the same queue"));
                }
            }
            let form = queue_name(environment, &form_variable, &prefix, &form);
            let invalid = queue_name(environment, &invalid_variable, &prefix, &invalid);
            queues.insert(form_type.clone(), QueuePairSettings { form, invalid });
        }
        Self {
            region: environment.text("SQS_REGION_NAME", v.sqs_region_name, "eu-west-1"),
            queues,
            create_queues: environment.flag("SQS_CREATE_QUEUES", v.sqs_create_queues, true),
            wait_time: environment.seconds("SQS_WAIT_TIME", v.sqs_wait_time, 20, 0..=20),
            max_messages: environment.number(
                "SQS_MAX_NUMBER_OF_MESSAGES",
                v.sqs_max_number_of_messages,
                10,
                1..=10,
            ),
            visibility_timeout: environment.seconds(
                "SQS_VISIBILITY_TIMEOUT",
                v.sqs_visibility_timeout,
                21600,
                1..=43200,
            ),
        }
    }
}

fn queue_name(environment: &mut Environment, variable: &str, prefix: &str, name: &str) -> String {
    let name = format!("{prefix}{name}");
    if !suits_sqs(&name) {
        let rule = "with SQS_QUEUE_NAME_PREFIX before it must be 1 to 80 letters, digits, hyphens and underscores";
        environment.fault(variable, rule);
    }
    name
}

/// SQS takes 1–80 letters, digits, hyphens and underscores.
fn suits_sqs(name: &str) -> bool {
    name.len() <= 80
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}
