//! Less memory for PostgreSQL than its indexes need, so that pages have to be read from the disk.
//!
//! A control group limits what the server's processes and the kernel's cache for them take together. It only counts what
//! its own processes have brought into the cache, so the cache has to forget the files before.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{self, Command},
};

use anyhow::{Context, Result, bail, ensure};

const NAME: &str = "bench-large-";

/// A control group with a limit. It is removed on drop, after its processes have ended.
pub struct MemoryLimit(PathBuf);

impl MemoryLimit {
    pub fn create(bytes: u64) -> Result<Self> {
        let name = format!("{NAME}{}", process::id());
        let (directory, file) = if Path::new("/sys/fs/cgroup/memory/cgroup.procs").exists() {
            (Path::new("/sys/fs/cgroup/memory").join(name), "memory.limit_in_bytes")
        } else if Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
            // Usually it is there already.
            let _ = fs::write("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
            (Path::new("/sys/fs/cgroup").join(name), "memory.max")
        } else {
            bail!(
                "this machine has no control groups at /sys/fs/cgroup; MEMORY=0 measures without a limit"
            );
        };
        remove_left(directory.parent().unwrap_or(&directory));
        fs::create_dir(&directory).context(
            "cannot make a control group, for which you must be root; MEMORY=0 measures without a limit",
        )?;
        let limit = Self(directory);
        fs::write(limit.0.join(file), bytes.to_string()).context("cannot limit the memory")?;
        Ok(limit)
    }

    /// Takes a process and its children in.
    pub fn hold(&self, pid: u32) -> Result<()> {
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
        let pid = pid.to_string();
        for process in [pid.as_str()].into_iter().chain(children.split_whitespace()) {
            fs::write(self.0.join("cgroup.procs"), process)
                .context("cannot put PostgreSQL into the control group")?;
        }
        Ok(())
    }
}

impl Drop for MemoryLimit {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.0) {
            eprintln!("cannot remove {}: {error}", self.0.display());
        }
    }
}

/// Removes the control groups of runs that were killed. One with processes stays.
fn remove_left(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(NAME) {
            let _ = fs::remove_dir(entry.path());
        }
    }
}

/// Makes the kernel's cache forget all files of a directory that nobody is writing.
pub fn forget_cached(directory: &Path) -> Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            forget_cached(&path)?;
        } else {
            let mut file = std::ffi::OsString::from("if=");
            file.push(&path);
            // Reads nothing; without a count of blocks this flag concerns the whole file.
            let dd = Command::new("dd")
                .arg(file)
                .args(["iflag=nocache", "count=0", "status=none"])
                .status()?;
            ensure!(dd.success(), "dd cannot open {}", path.display());
        }
    }
    Ok(())
}

/// Bytes that a process and its ended children have read from the disk.
pub fn read_from_disk(pid: u32) -> Result<u64> {
    let io = fs::read_to_string(format!("/proc/{pid}/io"))
        .context("you must be root to see what PostgreSQL reads from the disk")?;
    let bytes = io.lines().find_map(|line| line.strip_prefix("read_bytes: ")?.parse().ok());
    bytes.context("/proc does not say what a process reads from the disk")
}
