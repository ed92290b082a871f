use super::*;

const MINUTE: i64 = 60_000;
const RULES: Rules =
    Rules { max_messages: 10, invisible_ms: 30_000, retention_ms: 4 * MINUTE, max_receives: None };

/// A state that numbers its receives 1, 2, 3 and so on.
struct Queue {
    state: State,
    receives: u64,
}

impl Queue {
    fn with(count: i64) -> Self {
        let mut state = State::default();
        for id in 1..=count {
            state.add_sent(id, 0, 0, 0);
        }
        Queue { state, receives: 0 }
    }

    fn take(&mut self, rules: Rules, now_ms: i64) -> Taken {
        self.state.advance_to(now_ms);
        let receives = &mut self.receives;
        self.state.take_visible(rules, now_ms, || {
            *receives += 1;
            *receives
        })
    }

    fn ids(&mut self, now_ms: i64) -> Vec<i64> {
        self.take(RULES, now_ms).delivered.iter().map(|delivered| delivered.id).collect()
    }
}

#[test]
fn the_oldest_messages_are_received_first_and_stay_invisible_until_their_timeout() {
    let mut queue = Queue::with(12);
    assert_eq!(queue.ids(0), (1..=10).collect::<Vec<_>>());
    assert_eq!(queue.ids(1), [11, 12]);
    assert_eq!(queue.ids(29_999), [0; 0]);
    assert_eq!(queue.state.next_due_ms(), Some(30_000));
    assert_eq!(queue.ids(30_000), (1..=10).collect::<Vec<_>>());
    assert_eq!(queue.state.counts(), Counts { visible: 0, in_flight: 12, delayed: 0 });
}

#[test]
fn a_released_message_is_received_before_younger_ones() {
    let mut queue = Queue::with(11);
    let first = queue.take(RULES, 0).delivered[0];
    queue.state.change_visibility(first.id, first.receive, 0, 5).unwrap();
    assert_eq!(queue.ids(5), [1, 11]);
}

#[test]
fn a_delayed_message_becomes_visible_when_it_is_due() {
    let mut queue = Queue::with(0);
    queue.state.add_sent(1, 0, 500, 0);
    assert_eq!(queue.ids(499), [0; 0]);
    assert_eq!(queue.state.counts().delayed, 1);
    assert_eq!(queue.state.next_due_ms(), Some(500));
    assert_eq!(queue.ids(500), [1]);
}

#[test]
fn a_message_older_than_the_retention_period_is_removed() {
    let mut queue = Queue::with(1);
    queue.state.add_sent(2, MINUTE, MINUTE, MINUTE);
    let taken = queue.take(RULES, 4 * MINUTE + 1);
    assert_eq!(taken.expired, [1]);
    assert_eq!(taken.delivered[0].id, 2);
    queue.state.advance_to(5 * MINUTE + 1);
    assert_eq!(queue.state.take_expired(RULES.retention_ms, 5 * MINUTE + 1), [2]);
    assert_eq!(queue.state.counts(), Counts { visible: 0, in_flight: 0, delayed: 0 });
}

#[test]
fn the_receive_after_the_last_allowed_one_removes_the_message() {
    let mut queue = Queue::with(1);
    let rules = Rules { max_receives: Some(2), invisible_ms: 10, ..RULES };
    assert_eq!(queue.take(rules, 0).delivered.len(), 1);
    assert_eq!(queue.take(rules, 10).delivered.len(), 1);
    let taken = queue.take(rules, 20);
    assert_eq!(
        taken.exhausted,
        [(1, History { sent_ms: 0, first_receive_ms: Some(0), receives: 2 })]
    );
    assert!(taken.delivered.is_empty());
    assert!(!queue.state.is_latest_receive(1, 2));
}

#[test]
fn a_moved_message_keeps_its_history_but_is_counted_from_zero_in_the_new_queue() {
    let mut queue = Queue::with(0);
    let history = History { sent_ms: 5, first_receive_ms: Some(6), receives: 3 };
    queue.state.add_received(7, history, 0);
    let rules = Rules { max_receives: Some(1), ..RULES };
    let delivered = queue.take(rules, 9).delivered[0];
    assert_eq!(delivered.history, History { sent_ms: 5, first_receive_ms: Some(6), receives: 4 });
}

#[test]
fn a_message_from_before_a_restart_has_the_receives_left_that_it_had() {
    let mut queue = Queue::with(0);
    let history = History { sent_ms: 5, first_receive_ms: Some(6), receives: 5 };
    queue.state.add_received(7, history, 2);
    let rules = Rules { max_receives: Some(3), invisible_ms: 10, ..RULES };
    let delivered = queue.take(rules, 9).delivered[0];
    assert_eq!((delivered.history.receives, delivered.receives_here), (6, 3));
    assert_eq!(queue.take(rules, 19).exhausted.len(), 1);
}

#[test]
fn only_the_latest_receive_of_a_message_in_flight_can_change_its_visibility() {
    let mut queue = Queue::with(1);
    let first = queue.take(RULES, 0).delivered[0];
    queue.state.advance_to(30_000);
    let change = |queue: &mut Queue, receive, invisible_ms, now_ms| {
        queue.state.change_visibility(1, receive, invisible_ms, now_ms)
    };
    assert_eq!(change(&mut queue, first.receive, 1000, 30_000), Err(Unchanged::NotInFlight));
    let second = queue.take(RULES, 30_000).delivered[0];
    assert_eq!(change(&mut queue, first.receive, 0, 30_001), Err(Unchanged::Stale));
    assert_eq!(change(&mut queue, second.receive, 43_200_000, 30_001), Err(Unchanged::TooLong));
    assert_eq!(change(&mut queue, second.receive, 5_000, 30_001), Ok(()));
    assert_eq!(queue.state.next_due_ms(), Some(35_001));
    assert_eq!(queue.state.counts().in_flight, 1);
}

#[test]
fn a_removed_message_is_gone_whether_it_was_in_flight_or_visible() {
    let mut queue = Queue::with(2);
    let taken = queue.take(RULES, 0);
    queue.state.remove_received(1);
    queue.state.change_visibility(2, taken.delivered[1].receive, 0, 1).unwrap();
    queue.state.remove_received(2);
    assert_eq!(queue.state.next_due_ms(), None);
    assert_eq!(queue.ids(60_000), [0; 0]);
}

#[test]
fn taking_all_messages_returns_each_once() {
    let mut queue = Queue::with(3);
    queue.take(Rules { max_messages: 1, ..RULES }, 0);
    queue.state.add_sent(4, 0, 500, 0);
    let mut ids = queue.state.take_all();
    ids.sort_unstable();
    assert_eq!(ids, [1, 2, 3, 4]);
    assert!(!queue.state.has_visible());
}
