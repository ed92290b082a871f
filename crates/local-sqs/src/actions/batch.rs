//! The rules that all batch actions share, and their answer.

use std::collections::HashSet;

use serde::Serialize;

use crate::error::{ApiError, Code};

const MAX_ENTRIES: usize = 10;

/// The answer to a batch: every entry is in one of the two lists.
#[derive(Debug, Serialize)]
pub(crate) struct BatchAnswer<T> {
    #[serde(rename = "Successful")]
    pub(super) successful: Vec<T>,
    #[serde(rename = "Failed", skip_serializing_if = "Vec::is_empty")]
    pub(super) failed: Vec<FailedEntry>,
}

/// An entry that failed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct FailedEntry {
    id: String,
    sender_fault: bool,
    code: &'static str,
    message: String,
}

/// An entry of a delete or visibility change that succeeded.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct DoneEntry {
    pub(super) id: String,
}

impl<T> BatchAnswer<T> {
    pub(super) fn new() -> Self {
        BatchAnswer { successful: Vec::new(), failed: Vec::new() }
    }

    pub(super) fn add_failure(&mut self, id: String, error: ApiError) {
        self.failed.push(FailedEntry {
            id,
            sender_fault: error.code.is_sender_fault(),
            code: error.code.query_code(),
            message: error.message,
        });
    }
}

/// Checks the number of entries of a batch and their ids, in the order in which SQS does.
pub(super) fn check_entry_ids<'a>(
    ids: impl ExactSizeIterator<Item = &'a str>,
) -> Result<(), ApiError> {
    if ids.len() == 0 {
        return Err(ApiError::new(
            Code::EmptyBatchRequest,
            "There should be at least one entry in the request.",
        ));
    }
    if ids.len() > MAX_ENTRIES {
        return Err(ApiError::new(
            Code::TooManyEntriesInBatchRequest,
            format!(
                "Maximum number of entries per request are {MAX_ENTRIES}. You have sent {}.",
                ids.len()
            ),
        ));
    }
    let mut seen = HashSet::new();
    for id in ids {
        let is_valid = (1..=80).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if !is_valid {
            return Err(ApiError::new(
                Code::InvalidBatchEntryId,
                "A batch entry id can only contain alphanumeric characters, hyphens and \
                 underscores. It can be at most 80 letters long.",
            ));
        }
        if !seen.insert(id) {
            return Err(ApiError::new(
                Code::BatchEntryIdsNotDistinct,
                format!("Id {id} repeated."),
            ));
        }
    }
    Ok(())
}
