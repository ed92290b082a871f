//! The result of a batch call, entry by entry: an HTTP 200 with `Failed` entries is a failure of those entries.

use aws_sdk_sqs::types::BatchResultErrorEntry;

use crate::error::{Cause, SqsError};

/// How often an entry is tried that SQS failed and that was not our fault.
const ATTEMPTS: usize = 3;

/// Calls again for those entries that failed and were not our fault, one result per entry in their order.
/// A call that failed whole is not made again: the SDK has retried it.
pub(crate) async fn with_retries<'a, T, F>(
    entries: &'a [T],
    call: impl Fn(Vec<&'a T>) -> F,
) -> Vec<Result<(), SqsError>>
where
    F: Future<Output = Vec<Result<(), SqsError>>>,
{
    let mut results = call(entries.iter().collect()).await;
    for _ in 1..ATTEMPTS {
        let unavailable =
            |result: &Result<(), SqsError>| matches!(result, Err(error) if error.cause() == Cause::Unavailable);
        if results.iter().all(Result::is_err) || !results.iter().any(unavailable) {
            break;
        }
        let open = entries.iter().zip(&mut results).filter(|(_, result)| unavailable(result));
        let (open, places): (Vec<_>, Vec<_>) = open.unzip();
        for (place, result) in places.into_iter().zip(call(open).await) {
            *place = result;
        }
    }
    results
}

/// One result per entry, in the order of the entries, whose ids are their indices.
/// An entry that SQS says nothing about has failed.
pub(crate) fn results<'a>(
    operation: &'static str,
    entries: usize,
    successful: impl Iterator<Item = &'a str>,
    failed: &[BatchResultErrorEntry],
) -> Vec<Result<(), SqsError>> {
    let mut results: Vec<_> = (0..entries).map(|_| Err(SqsError::no_result(operation))).collect();
    let mut set = |id: &str, result| {
        if let Some(place) = id.parse::<usize>().ok().and_then(|index| results.get_mut(index)) {
            *place = result;
        }
    };
    successful.for_each(|id| set(id, Ok(())));
    failed.iter().for_each(|entry| set(entry.id(), Err(SqsError::of_entry(operation, entry))));
    results
}

/// Every entry shares the fate of the call.
pub(crate) fn all_failed(error: &SqsError, entries: usize) -> Vec<Result<(), SqsError>> {
    vec![Err(error.clone()); entries]
}
