//! Fills the queue, as the api would have.

use std::{
    cell::RefCell,
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
};

use tokio::task::LocalSet;

use crate::{
    connection::Connection,
    requests::Messages,
    surroundings::{Ground, QueueServer},
};

const CONNECTIONS: usize = 16;
const ENTRIES: u64 = 10;

/// Puts so many messages on the queue, rounded up to whole batches; how many there are then.
///
/// # Errors
/// The queue does not take them.
pub fn fill(ground: &Ground, server: &QueueServer, count: u64) -> anyhow::Result<u64> {
    let batches = count.div_ceil(ENTRIES);
    let messages = Rc::new(RefCell::new(Messages::default()));
    let begun = Rc::new(AtomicU64::new(0));
    ground.wait(LocalSet::new().run_until(async {
        let fillers: Vec<_> = (0..CONNECTIONS)
            .map(|_| {
                let (messages, begun) = (Rc::clone(&messages), Rc::clone(&begun));
                let (address, url) = (server.address(), server.queue_url().to_owned());
                tokio::task::spawn_local(async move {
                    let mut connection = Connection::open(address).await?;
                    while begun.fetch_add(1, Ordering::Relaxed) < batches {
                        let request = messages.borrow_mut().send_batch(&url, ENTRIES as usize);
                        let status = connection.exchange(&request).await?;
                        anyhow::ensure!(status == 200, "the queue answers with {status}");
                    }
                    Ok(())
                })
            })
            .collect();
        for filler in fillers {
            filler.await??;
        }
        Ok(batches * ENTRIES)
    }))
}
