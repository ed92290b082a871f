//! Fills the queue, as the api would have done.

use std::{
    cell::RefCell,
    net::SocketAddr,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::{Result, ensure};
use tokio::task::LocalSet;

use crate::{
    connection::Connection,
    lab::{Lab, QueueServer},
    requests::{Form, Messages},
};

const CONNECTIONS: usize = 16;
const ENTRIES: u64 = 10;

/// Sends `count` messages with such forms, rounded up to whole batches, and returns how many that were.
pub fn fill_queue(lab: &Lab, server: &QueueServer, count: u64, form: Form) -> Result<u64> {
    let batches = count.div_ceil(ENTRIES);
    let work = Rc::new(Work {
        address: server.address(),
        queue_url: server.queue_url().to_owned(),
        batches,
        begun: AtomicU64::new(0),
        messages: RefCell::new(Messages::with(form)),
    });
    lab.wait(LocalSet::new().run_until(async {
        let senders: Vec<_> =
            (0..CONNECTIONS).map(|_| tokio::task::spawn_local(Rc::clone(&work).send())).collect();
        for sender in senders {
            sender.await??;
        }
        Ok(batches * ENTRIES)
    }))
}

/// The batches that the connections share.
struct Work {
    address: SocketAddr,
    queue_url: String,
    batches: u64,
    begun: AtomicU64,
    messages: RefCell<Messages>,
}

impl Work {
    async fn send(self: Rc<Self>) -> Result<()> {
        let mut connection = Connection::open(self.address).await?;
        while self.begun.fetch_add(1, Ordering::Relaxed) < self.batches {
            let request = self.messages.borrow_mut().send_batch(&self.queue_url, ENTRIES as usize);
            let status = connection.exchange(&request).await?;
            ensure!(status == 200, "the queue answered with {status}");
        }
        Ok(())
    }
}
