//! The queue's own limit on the size of a message, which may change.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

use crate::error::{Cause, SqsError};

/// `MaximumMessageSize` of a queue. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct SizeLimit(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// 0 if we do not know it.
    bytes: AtomicUsize,
    refused: Notify,
}

impl SizeLimit {
    pub(crate) fn new(bytes: Option<usize>) -> Self {
        let limit = Self::default();
        limit.set(bytes.unwrap_or_default());
        limit
    }

    pub(crate) fn get(&self) -> Option<usize> {
        Some(self.0.bytes.load(Ordering::Relaxed)).filter(|bytes| *bytes > 0)
    }

    /// Whether the limit is another one than before.
    pub(crate) fn set(&self, bytes: usize) -> bool {
        self.0.bytes.swap(bytes, Ordering::Relaxed) != bytes
    }

    /// If SQS refused a message because of its size, our limit may be out of date.
    pub(crate) fn compare(&self, results: &[Result<(), SqsError>]) {
        let is_too_long = |result: &Result<(), SqsError>| matches!(result, Err(error) if error.cause() == Cause::TooLong);
        if results.iter().any(is_too_long) {
            self.0.refused.notify_one();
        }
    }

    /// Returns when SQS has refused a message because of its size.
    pub(crate) async fn refused(&self) {
        self.0.refused.notified().await;
    }
}
