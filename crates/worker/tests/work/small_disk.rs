//! A small file system that a test can fill.

use std::{fs::File, io::Write, path::Path, process::Command};

use tempfile::{NamedTempFile, TempDir};

/// It is unmounted on drop, so it must outlive the server that uses it.
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// A disk of this size for PostgreSQL's user; `None` if the test's user may not mount one.
    pub fn mount(size: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let id = Command::new("id").args(["-u", "postgres"]).output().unwrap().stdout;
        let options =
            format!("size={size},mode=0700,uid={}", String::from_utf8(id).unwrap().trim());
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "small"]).arg(directory.path());
        mount.status().is_ok_and(|status| status.success()).then(|| Self(directory))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all remaining space until the file is dropped.
    pub fn fill(&self) -> NamedTempFile<File> {
        let mut file = NamedTempFile::new_in(self.path()).unwrap();
        while file.write(&[0; 4096]).is_ok() {}
        file
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
