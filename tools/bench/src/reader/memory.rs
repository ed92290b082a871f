//! The memory of the reader while eight clients page through rows of a mebibyte.

use std::{net::SocketAddr, thread};

use anyhow::{Result, ensure};

use super::{
    fill::{LARGE_BYTES, LARGE_ROWS},
    http::Client,
    system::System,
};
use crate::memory::{peak, resident};

const PATH: &str = "/api/v1/table-data/submissions/dossier?orientation=records";

/// In MiB.
#[derive(Default)]
pub struct Memory {
    pub idle: f64,
    pub large_rows: f64,
}

pub fn measure(system: &System) -> Result<Memory> {
    let reader = system.reader(&[]);
    let idle = resident(reader.pid());
    let clients: Vec<_> = system
        .keys
        .iter()
        .cloned()
        .map(|key| {
            let address = reader.address();
            thread::spawn(move || read_all(address, &key))
        })
        .collect();
    for client in clients {
        let bytes = client.join().expect("a client does not panic")?;
        ensure!(bytes >= LARGE_ROWS * LARGE_BYTES as u64, "only {bytes} bytes came");
    }
    Ok(Memory { idle, large_rows: peak(reader.pid()) })
}

fn read_all(address: SocketAddr, key: &str) -> Result<u64> {
    let mut client = Client::connect(address, key)?;
    let (mut after, mut bytes) = (Some(0), 0);
    while let Some(last) = after {
        client.get(&format!("{PATH}&after={last}"), &[])?;
        bytes += client.body.len() as u64;
        after = client.next_after()?;
    }
    Ok(bytes)
}
