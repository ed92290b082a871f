//! Deliveries are deleted or released, each with a result of its own.

use std::time::Duration;

use futures_util::future::join_all;
use queue::{ReceiptHandle, Settled};
use test_kit::sqs::Counts;

use crate::{
    against_both_servers,
    server::{Server, message, poll, receive_all, sender, soon},
};

against_both_servers!(
    more_deliveries_than_a_call_takes_are_deleted,
    released_messages_come_again_after_their_delay,
    deleting_twice_is_harmless,
    a_release_after_the_delete_is_stale_and_harms_nothing,
);

async fn some_messages(server: &Server, count: usize) -> (queue::Queue, Vec<ReceiptHandle>) {
    let queue = server.pair().await.form;
    let sender = sender(&queue);
    for sent in join_all((0..count).map(|number| sender.send(message(&number.to_string())))).await {
        sent.unwrap();
    }
    let handles: Vec<_> =
        receive_all(&queue).await.into_iter().map(|delivery| delivery.receipt_handle).collect();
    assert_eq!(handles.len(), count);
    (queue, handles)
}

async fn more_deliveries_than_a_call_takes_are_deleted(server: Server) {
    let (queue, handles) = some_messages(&server, 23).await;
    assert_eq!(server.sqs.counts("forms").await, Counts { visible: 0, in_flight: 23 });
    assert_eq!(queue.delete(&handles, soon()).await, vec![Settled::Done; 23]);
    assert_eq!(server.sqs.counts("forms").await, Counts::NONE);
}

async fn released_messages_come_again_after_their_delay(server: Server) {
    let (queue, handles) = some_messages(&server, 12).await;
    let (at_once, later) = handles.split_at(11);
    let mut releases: Vec<_> =
        at_once.iter().map(|handle| (handle.clone(), Duration::ZERO)).collect();
    releases.push((later[0].clone(), Duration::from_secs(1)));
    assert_eq!(queue.release(&releases, soon()).await, vec![Settled::Done; 12]);
    assert_eq!(receive_all(&queue).await.len(), 11);
    assert_eq!(queue.receive(&poll(10)).await.unwrap().len(), 1);
}

async fn deleting_twice_is_harmless(server: Server) {
    let (queue, handles) = some_messages(&server, 1).await;
    assert_eq!(queue.delete(&handles, soon()).await, [Settled::Done]);
    let again = queue.delete(&handles, soon()).await;
    assert!(matches!(again[..], [Settled::Done | Settled::Stale]), "{again:?}");
}

async fn a_release_after_the_delete_is_stale_and_harms_nothing(server: Server) {
    let (queue, handles) = some_messages(&server, 2).await;
    queue.delete(&handles[..1], soon()).await;
    let releases: Vec<_> = handles.iter().map(|handle| (handle.clone(), Duration::ZERO)).collect();
    let settled = queue.release(&releases, soon()).await;
    assert!(matches!(settled[0], Settled::Stale | Settled::Done), "{settled:?}");
    assert_eq!(settled[1], Settled::Done);
    assert_eq!(receive_all(&queue).await.len(), 1);
}
