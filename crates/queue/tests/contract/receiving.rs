//! Messages are received, hidden while they are in flight, and come again.

use std::time::{Duration, Instant};

use queue::{Cause, Poll};

use crate::{
    against_both_servers,
    server::{Server, message, poll, receive_all, sender, soon},
};

against_both_servers!(
    a_long_poll_ends_when_a_message_comes,
    an_empty_queue_answers_after_the_wait_time,
    a_received_message_is_hidden_for_the_visibility_timeout,
    a_poll_receives_at_most_max_messages,
    a_message_received_too_often_moves_to_the_invalid_queue,
    polling_a_deleted_queue_is_an_error,
);

async fn a_long_poll_ends_when_a_message_comes(server: Server) {
    let queue = server.pair().await.form;
    let sender = sender(&queue);
    let twenty_seconds = poll(20);
    let late = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        sender.send(message("late")).await.unwrap();
        Instant::now()
    };
    let (deliveries, sent) = tokio::join!(queue.receive(&twenty_seconds), late);
    assert_eq!(deliveries.unwrap().len(), 1);
    assert!(sent.elapsed() < Duration::from_secs(10), "the poll did not end when the message came");
}

async fn an_empty_queue_answers_after_the_wait_time(server: Server) {
    let queue = server.pair().await.form;
    let asked = Instant::now();
    assert!(queue.receive(&poll(1)).await.unwrap().is_empty());
    assert!(asked.elapsed() >= Duration::from_millis(900), "{:?}", asked.elapsed());
}

async fn a_received_message_is_hidden_for_the_visibility_timeout(server: Server) {
    let queue = server.pair().await.form;
    sender(&queue).send(message("x")).await.unwrap();
    let first = queue
        .receive(&Poll { visibility_timeout: Duration::from_secs(1), ..poll(0) })
        .await
        .unwrap();
    assert!(queue.receive(&poll(0)).await.unwrap().is_empty());
    let again = queue.receive(&poll(10)).await.unwrap();
    assert_eq!(first[0].received, again[0].received);
    assert_ne!(first[0].receipt_handle, again[0].receipt_handle);
}

async fn a_poll_receives_at_most_max_messages(server: Server) {
    let queue = server.pair().await.form;
    let sender = sender(&queue);
    for number in 0..5 {
        sender.send(message(&number.to_string())).await.unwrap();
    }
    assert_eq!(queue.receive(&Poll { max_messages: 3, ..poll(0) }).await.unwrap().len(), 3);
    assert_eq!(receive_all(&queue).await.len(), 2);
}

async fn a_message_received_too_often_moves_to_the_invalid_queue(server: Server) {
    let pair = server.pair().await;
    sender(&pair.form).send(message("kills workers")).await.unwrap();
    for receive_count in 1..=20 {
        let deliveries = pair.form.receive(&poll(5)).await.unwrap();
        assert_eq!(deliveries.len(), 1);
        assert_eq!(deliveries[0].receive_count, Some(receive_count));
        pair.form.release(&[(deliveries[0].receipt_handle.clone(), Duration::ZERO)], soon()).await;
    }
    assert!(pair.form.receive(&poll(0)).await.unwrap().is_empty());
    assert_eq!(receive_all(&pair.invalid).await[0].received.body, "kills workers");
}

async fn polling_a_deleted_queue_is_an_error(server: Server) {
    let queue = server.pair().await.form;
    server.sqs.delete_queue("forms").await;
    assert_eq!(queue.receive(&poll(0)).await.unwrap_err().cause(), Cause::MissingQueue);
}
