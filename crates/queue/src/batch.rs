//! The result of a batch call, entry by entry: an HTTP 200 with `Failed` entries is a failure of those entries.

use std::time::Duration;

use aws_sdk_sqs::types::BatchResultErrorEntry;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use crate::error::{Cause, SqsError};

/// How often an entry is tried that failed through no fault of ours.
const ATTEMPTS: u32 = 3;

/// The answer to a batch call: one result per entry in their order, or the failure of the whole call.
pub(crate) type Answer = Result<Vec<Result<(), SqsError>>, SqsError>;

/// Makes a batch call, and calls again, until `deadline`, for the entries that failed through no fault of ours.
/// One result per entry, in their order.
pub(crate) async fn call_with_retries<'a, T, F>(
    entries: &'a [T],
    deadline: Instant,
    call: impl Fn(Vec<&'a T>) -> F,
) -> Vec<Result<(), SqsError>>
where
    F: Future<Output = Answer>,
{
    let mut results = match call(entries.iter().collect()).await {
        Ok(results) => results,
        // One bad entry may have failed the whole call, so each entry gets a call and a result of its own.
        Err(error)
            if entries.len() > 1 && matches!(error.cause(), Cause::TooLong | Cause::Refused) =>
        {
            let calls: Vec<_> = entries.iter().map(|entry| call(vec![entry])).collect();
            join_all(calls).await.into_iter().map(only_result).collect()
        }
        // The SDK has tried the call again already.
        Err(error) => return vec![Err(error); entries.len()],
    };
    for attempt in 1..ATTEMPTS {
        let is_unavailable = |result: &Result<(), SqsError>| matches!(result, Err(error) if error.cause() == Cause::Unavailable);
        let pause = Duration::from_millis(50) * attempt;
        if !results.iter().any(is_unavailable) || Instant::now() + pause >= deadline {
            break;
        }
        sleep(pause).await;
        let failed = entries.iter().zip(&mut results).filter(|(_, result)| is_unavailable(result));
        let (failed, places): (Vec<_>, Vec<_>) = failed.unzip();
        let Ok(again) = call(failed).await else { break };
        for (place, result) in places.into_iter().zip(again) {
            *place = result;
        }
    }
    results
}

/// The result of a call with one entry.
fn only_result(answer: Answer) -> Result<(), SqsError> {
    answer?.into_iter().next().unwrap_or(Err(SqsError::no_result("a batch call")))
}

/// One result per entry, in the order of the entries, whose ids are their indices.
/// An entry that SQS does not mention has failed.
pub(crate) fn results_in_order<'a>(
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
    failed.iter().for_each(|entry| set(entry.id(), Err(SqsError::from_entry(operation, entry))));
    results
}
