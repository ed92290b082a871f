//! What a process holds of the machine's memory, from /proc.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

const EVERY: Duration = Duration::from_millis(100);

/// Resident now, in MiB (`VmRSS`).
pub fn resident(pid: u32) -> f64 {
    read(pid, "VmRSS:")
}

/// The most that was ever resident, in MiB (`VmHWM`).
pub fn peak(pid: u32) -> f64 {
    read(pid, "VmHWM:")
}

fn read(pid: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

/// Reads the resident memory of a process again and again.
pub struct Watch {
    ended: Arc<AtomicBool>,
    reader: JoinHandle<Vec<(f64, f64)>>,
}

impl Watch {
    /// Begins.
    pub fn begin(pid: u32) -> Self {
        let ended = Arc::new(AtomicBool::new(false));
        let reader = thread::spawn({
            let (ended, started) = (Arc::clone(&ended), Instant::now());
            move || {
                let mut seen = Vec::new();
                while !ended.load(Ordering::Relaxed) {
                    seen.push((started.elapsed().as_secs_f64(), resident(pid)));
                    thread::sleep(EVERY);
                }
                seen
            }
        });
        Self { ended, reader }
    }

    /// Ends; seconds with MiB.
    pub fn end(self) -> Vec<(f64, f64)> {
        self.ended.store(true, Ordering::Relaxed);
        self.reader.join().unwrap_or_default()
    }
}
