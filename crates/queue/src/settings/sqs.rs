//! How SQS is used.

use service::settings::{Environment, Variable, is_http_url};

use crate::{Connection, Poll, QueueFinder, QueueNames};

/// How SQS is used.
#[derive(Clone, Debug)]
pub struct SqsSettings {
    /// The region of AWS.
    pub region: String,
    /// Whether a service creates missing queues.
    pub create_queues: bool,
    /// How to poll.
    pub poll: Poll,
}

impl SqsSettings {
    /// Reads the variables. The AWS SDK reads credentials and the endpoint itself.
    pub fn read(environment: &mut Environment) -> Self {
        let region = environment.text(
            "SQS_REGION_NAME",
            "eu-west-1",
            "a region of AWS",
            "The region the queues are in.",
        );
        let elsewhere = environment.parsed(
            "AWS_ENDPOINT_URL_SQS",
            "Amazon's",
            "a URL with http:// or https://",
            "Another SQS server, such as local-sqs. The AWS SDK reads it.",
            |url| is_http_url(url).then_some(()),
        );
        // The SDK reads the second one too.
        let is_amazon = elsewhere.is_none() && environment.value("AWS_ENDPOINT_URL").is_none();
        if is_amazon && !is_region(&region) {
            environment.fault("SQS_REGION_NAME", "must be a region of AWS, such as eu-west-1");
        }
        for (name, default, values, meaning) in READ_BY_THE_SDK {
            environment.declare(Variable::new(name, default, values, meaning));
        }
        Self {
            region,
            create_queues: environment.flag(
                "SQS_CREATE_QUEUES",
                true,
                "Whether api and worker create queues that are missing.",
            ),
            poll: poll(environment),
        }
    }

    /// A finder of the queues of one form type.
    pub fn finder(&self, connection: &Connection, names: QueueNames) -> QueueFinder {
        QueueFinder { connection: connection.clone(), names, create: self.create_queues }
    }
}

/// Whether a region of AWS can have this name, such as `us-gov-west-1`. New ones must not need a release.
fn is_region(name: &str) -> bool {
    let parts: Vec<&str> = name.split('-').collect();
    let is_lower =
        |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    parts.split_last().is_some_and(|(last, words)| {
        words.len() >= 2 && words.iter().all(is_lower) && is_number(last)
    })
}

fn poll(environment: &mut Environment) -> Poll {
    Poll {
        wait_time: environment.seconds(
            "SQS_WAIT_TIME",
            20,
            0..=20,
            "How long a poll of the worker waits for a message.",
        ),
        max_messages: environment.number(
            "SQS_MAX_NUMBER_OF_MESSAGES",
            10,
            1..=10,
            "The largest number of messages that one poll receives.",
        ),
        visibility_timeout: environment.seconds(
            "SQS_VISIBILITY_TIMEOUT",
            21600,
            1..=43200,
            "How long a received message is hidden from other workers. The default is the one of 2016. Set 120 wherever you can: the messages of a killed worker come back sooner.",
        ),
    }
}

/// Name, default, values, meaning.
const READ_BY_THE_SDK: [(&str, &str, &str, &str); 3] = [
    (
        "AWS_ACCESS_KEY_ID",
        "the next in the SDK's credential chain",
        "an access key",
        "The AWS SDK reads it. All of its credential chain works except SSO and `credential_process`; roles of instances, tasks and web identities work.",
    ),
    ("AWS_SECRET_ACCESS_KEY", "as above", "a secret", "Belongs to `AWS_ACCESS_KEY_ID`."),
    ("AWS_SESSION_TOKEN", "none", "a secret", "Belongs to temporary credentials."),
];
