//! Hashes the body of a request, which its signature covers, with ring: the SDK's own SHA-256 takes several times as
//! long on machines without instructions for it.

use aws_runtime::auth::PayloadSigningOverride;
use aws_sdk_sqs::{
    config::{
        ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextMut,
    },
    error::BoxError,
};
use ring::digest::{SHA256, digest};

/// Passes the hash to the signer, which would otherwise compute one itself.
#[derive(Debug)]
pub(crate) struct PayloadHash;

impl Intercept for PayloadHash {
    fn name(&self) -> &'static str {
        "PayloadHash"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(body) = context.request().body().bytes() {
            let hash = hex::encode(digest(&SHA256, body));
            config.interceptor_state().store_put(PayloadSigningOverride::Precomputed(hash));
        }
        Ok(())
    }
}
