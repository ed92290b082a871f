//! One queue: its settings, its state behind a lock, and the waking of receivers that wait for a
//! message.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use parking_lot::{Mutex, RwLock};
use tokio::sync::{Notify, futures::Notified};

use crate::{queue_settings::QueueSettings, state::State};

#[derive(Debug)]
pub(crate) struct Queue {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) created_ms: i64,
    settings: RwLock<CurrentSettings>,
    state: Mutex<State>,
    changed: Notify,
    deleted: AtomicBool,
}

/// The settings, and when they were last changed.
#[derive(Debug, Clone)]
pub(crate) struct CurrentSettings {
    pub(crate) settings: Arc<QueueSettings>,
    pub(crate) modified_ms: i64,
}

impl Queue {
    pub(crate) fn new(id: i64, name: String, created_ms: i64, settings: CurrentSettings) -> Self {
        Queue {
            id,
            name,
            created_ms,
            settings: RwLock::new(settings),
            state: Mutex::default(),
            changed: Notify::new(),
            deleted: AtomicBool::new(false),
        }
    }

    /// Runs `work` on the state, with the current time, and wakes receivers if needed.
    ///
    /// One receiver is woken if a message is visible; it also goes through here, and so wakes the
    /// next receiver if it leaves a message. All are woken if the next message becomes due
    /// earlier than they expected.
    pub(crate) fn with_state<R>(&self, work: impl FnOnce(&mut State, i64) -> R) -> R {
        let now_ms = now_ms();
        let mut state = self.state.lock();
        let due_before = state.next_due_ms();
        state.advance_to(now_ms);
        let result = work(&mut state, now_ms);
        let due_after = state.next_due_ms();
        let has_visible = state.has_visible();
        drop(state);
        if due_after.is_some_and(|after| due_before.is_none_or(|before| after < before)) {
            self.changed.notify_waiters();
        }
        if has_visible {
            self.changed.notify_one();
        }
        result
    }

    /// A future that resolves at the next change after it was enabled.
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    pub(crate) fn settings(&self) -> Arc<QueueSettings> {
        self.current_settings().settings
    }

    pub(crate) fn current_settings(&self) -> CurrentSettings {
        self.settings.read().clone()
    }

    pub(crate) fn set_settings(&self, settings: CurrentSettings) {
        *self.settings.write() = settings;
        // A shorter wait or a new redrive policy applies to the next receive; current polls
        // continue.
    }

    /// Wakes every receiver; [`Queue::is_deleted`] is true from now on.
    pub(crate) fn mark_deleted(&self) {
        self.deleted.store(true, Ordering::Release);
        self.changed.notify_waiters();
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }
}

/// Milliseconds since 1970 by the machine's clock, because clients see timestamps and they outlive
/// the process.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
