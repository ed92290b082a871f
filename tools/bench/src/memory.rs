//! The memory of a process, from /proc.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

const SAMPLE_INTERVAL: Duration = Duration::from_millis(100);

/// Resident memory at one time.
#[derive(Clone, Copy)]
pub struct MemorySample {
    pub at_s: f64,
    pub mib: f64,
}

/// Resident now, in MiB (`VmRSS`).
pub fn resident(pid: u32) -> f64 {
    read(pid, "VmRSS:")
}

/// The peak so far, in MiB (`VmHWM`).
pub fn peak(pid: u32) -> f64 {
    read(pid, "VmHWM:")
}

fn read(pid: u32, name: &str) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.unwrap_or_default() / 1024.0
}

/// Samples the resident memory of a process until it is stopped.
pub struct MemoryWatch {
    stop: Arc<AtomicBool>,
    reader: JoinHandle<Vec<MemorySample>>,
}

impl MemoryWatch {
    pub fn start(pid: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let reader = thread::spawn({
            let (stop, started) = (Arc::clone(&stop), Instant::now());
            move || {
                let mut samples = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let at_s = started.elapsed().as_secs_f64();
                    samples.push(MemorySample { at_s, mib: resident(pid) });
                    thread::sleep(SAMPLE_INTERVAL);
                }
                samples
            }
        });
        Self { stop, reader }
    }

    pub fn stop(self) -> Vec<MemorySample> {
        self.stop.store(true, Ordering::Relaxed);
        self.reader.join().unwrap_or_default()
    }
}
