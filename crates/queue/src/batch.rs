//! The result of a batch call, entry by entry: an HTTP 200 with `Failed` entries is a failure of those entries.

use std::time::Duration;

use aws_sdk_sqs::types::BatchResultErrorEntry;
use futures_util::future::join_all;
use tokio::time::{Instant, sleep};

use crate::error::{Cause, SqsError};

/// How often an entry is tried that SQS failed and that was not our fault.
const ATTEMPTS: u32 = 3;

/// What a batch call answers: one result per entry in their order, or the failure of the call as a whole.
pub(crate) type Answer = Result<Vec<Result<(), SqsError>>, SqsError>;

/// Makes a batch call, and calls again, until `deadline`, for those entries that failed and were not our fault.
/// One result per entry, in their order.
pub(crate) async fn call<'a, T, F>(
    entries: &'a [T],
    deadline: Instant,
    call: impl Fn(Vec<&'a T>) -> F,
) -> Vec<Result<(), SqsError>>
where
    F: Future<Output = Answer>,
{
    let mut results = match call(entries.iter().collect()).await {
        Ok(results) => results,
        // One entry that SQS does not take may be the fault of them all: each has to hear its own.
        Err(error)
            if entries.len() > 1 && matches!(error.cause(), Cause::TooLong | Cause::Refused) =>
        {
            let alone: Vec<_> = entries.iter().map(|entry| call(vec![entry])).collect();
            join_all(alone).await.into_iter().map(of_one).collect()
        }
        // The SDK has made it again already.
        Err(error) => return vec![Err(error); entries.len()],
    };
    for attempt in 1..ATTEMPTS {
        let unavailable = |result: &Result<(), SqsError>| matches!(result, Err(error) if error.cause() == Cause::Unavailable);
        let pause = Duration::from_millis(50) * attempt;
        if !results.iter().any(unavailable) || Instant::now() + pause >= deadline {
            break;
        }
        sleep(pause).await;
        let open = entries.iter().zip(&mut results).filter(|(_, result)| unavailable(result));
        let (open, places): (Vec<_>, Vec<_>) = open.unzip();
        let again = match call(open).await {
            Ok(again) => again,
            Err(_) => break,
        };
        for (place, result) in places.into_iter().zip(again) {
            *place = result;
        }
    }
    results
}

fn of_one(answer: Answer) -> Result<(), SqsError> {
    answer?.into_iter().next().unwrap_or(Err(SqsError::no_result("a batch call")))
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
