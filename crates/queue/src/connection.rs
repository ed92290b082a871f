//! The SDK client, made once per process.

use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::{
    Client, Config,
    config::{self, Credentials, StalledStreamProtectionConfig},
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

use crate::{created_queues::CreatedQueues, payload_hash::PayloadHash};

/// A client of SQS with its pool of HTTP connections. Cloning shares it.
#[derive(Clone)]
pub struct Connection {
    client: Client,
    created: CreatedQueues,
}

impl Connection {
    /// A client with the SDK's own credential chain and `AWS_ENDPOINT_URL_SQS`. It does not call SQS yet.
    pub async fn from_environment(region: String) -> Self {
        // ring instead of the SDK's default aws-lc: building it takes only a C compiler.
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region))
            .http_client(http);
        Self::from_config(Config::from(&config.load().await).to_builder())
    }

    /// A client of a server at this endpoint that accepts any credentials, such as local-sqs.
    pub fn to_endpoint(endpoint: &str) -> Self {
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-west-1"))
            .credentials_provider(Credentials::new("local", "local", None, None, "local"))
            .endpoint_url(endpoint)
            .http_client(Builder::new().build_http());
        Self::from_config(config)
    }

    fn from_config(config: config::Builder) -> Self {
        // A long poll is silent by nature, and `policy` ends every attempt of every call.
        let config = config.stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        let client = Client::from_conf(config.interceptor(PayloadHash).build());
        Self { client, created: CreatedQueues::default() }
    }

    /// The queues that were created over this connection.
    pub fn created_queues(&self) -> &CreatedQueues {
        &self.created
    }

    /// The region of the queues.
    pub(crate) fn region(&self) -> &str {
        self.client.config().region().map_or("unknown", Region::as_ref)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }
}
