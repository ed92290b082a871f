use super::*;
use crate::{
    queue::{CurrentSettings, now_ms},
    queue_settings::QueueSettings,
    record::Extras,
};

async fn create_queue(broker: &Arc<Broker>) -> Arc<Queue> {
    let settings = CurrentSettings { settings: Arc::default(), modified_ms: 0 };
    let queue = Arc::new(Queue::new(broker.new_queue_id(), "q".to_owned(), 0, settings));
    let change = Change::CreateQueue {
        id: queue.id,
        name: queue.name.clone(),
        created_ms: 0,
        attributes: QueueSettings::default().to_map(),
    };
    broker.commit(change, || ()).await.unwrap();
    broker.insert_queue(Arc::clone(&queue));
    queue
}

async fn send_bodies(broker: &Arc<Broker>, queue: &Arc<Queue>, bodies: &[&str]) -> Vec<i64> {
    let first = broker.new_message_ids(bodies.len());
    let messages: Vec<SentMessage> = (first..)
        .zip(bodies)
        .map(|(id, body)| SentMessage {
            id,
            queue: queue.id,
            sent_ms: now_ms(),
            due_ms: 0,
            record: Arc::new(Record::new((*body).to_owned(), Extras::default(), None)),
        })
        .collect();
    let ids = messages.iter().map(|message| message.id).collect();
    broker.send_messages(queue, messages).await.unwrap();
    ids
}

fn bodies(contents: &[Option<Arc<Record>>]) -> Vec<Option<&str>> {
    contents.iter().map(|record| record.as_ref().map(|record| record.body.as_str())).collect()
}

#[tokio::test]
async fn contents_that_do_not_fit_into_memory_are_read_from_disk_in_the_right_order() {
    let directory = tempfile::tempdir().unwrap();
    let one = Record::new("a".to_owned(), Extras::default(), None).memory_bytes();
    let broker = Broker::with_records(directory.path(), Records::new(2 * one)).unwrap();
    let queue = create_queue(&broker).await;
    let ids = send_bodies(&broker, &queue, &["a", "b", "c", "d"]).await;
    assert_eq!(bodies(&broker.records.get(&ids)), [None, None, Some("c"), Some("d")]);
    let (a, b, c, d) = (ids[0], ids[1], ids[2], ids[3]);
    broker.delete_messages(&queue, vec![b]).await.unwrap();
    let contents = broker.read_contents(&[d, a, b, c]).await.unwrap();
    assert_eq!(bodies(&contents), [Some("d"), Some("a"), None, Some("c")]);
}

#[tokio::test]
async fn a_change_that_cannot_be_stored_is_an_error_and_has_no_effect() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::on_disk(directory.path()).unwrap();
    let queue = create_queue(&broker).await;
    let ids = send_bodies(&broker, &queue, &["a"]).await;
    let message = SentMessage {
        id: ids[0],
        queue: queue.id,
        sent_ms: 0,
        due_ms: 0,
        record: Arc::new(Record::new("b".to_owned(), Extras::default(), None)),
    };
    // The number is in use, so SQLite refuses the row.
    assert!(broker.send_messages(&queue, vec![message]).await.is_err());
    assert_eq!(queue.with_state(|state, _| state.counts().visible), 1);
    assert_eq!(bodies(&broker.read_contents(&ids).await.unwrap()), [Some("a")]);
    send_bodies(&broker, &queue, &["c"]).await;
    assert_eq!(queue.with_state(|state, _| state.counts().visible), 2);
}

#[tokio::test]
async fn messages_of_a_deleted_queue_that_a_killed_process_left_behind_are_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::on_disk(directory.path()).unwrap();
    let old = create_queue(&broker).await;
    let ids = send_bodies(&broker, &old, &["a"]).await;
    broker.commit(Change::DeleteQueue { id: old.id }, || ()).await.unwrap();
    broker.journal.close();
    drop(broker);

    let broker = Broker::on_disk(directory.path()).unwrap();
    let new = create_queue(&broker).await;
    assert_ne!(new.id, old.id);
    assert_eq!(new.with_state(|state, _| state.counts().visible), 0);
    assert_eq!(bodies(&broker.read_contents(&ids).await.unwrap()), [None]);
}

#[tokio::test]
async fn a_message_that_cannot_be_moved_returns_to_its_queue() {
    let directory = tempfile::tempdir().unwrap();
    let broker = Broker::on_disk(directory.path()).unwrap();
    let source = create_queue(&broker).await;
    let settings = CurrentSettings { settings: Arc::default(), modified_ms: 0 };
    let dead = Arc::new(Queue::new(99, "dead".to_owned(), 0, settings));
    let ids = send_bodies(&broker, &source, &["a"]).await;
    source.with_state(|state, _| state.take_all());
    broker.journal.close();
    let history = History { sent_ms: now_ms(), first_receive_ms: None, receives: 3 };
    broker.move_to_dead_letter_queue(&source, &dead, vec![(ids[0], history)]);
    assert_eq!(source.with_state(|state, _| state.counts().visible), 1);
    assert_eq!(dead.with_state(|state, _| state.counts().visible), 0);
}
