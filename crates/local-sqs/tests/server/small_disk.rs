//! A file system that is soon full.

use std::{fs::File, io::Write as _, path::Path, process::Command};

use tempfile::{NamedTempFile, TempDir};

/// Unmounted on drop, so it must outlive the server that uses it.
pub struct SmallDisk(TempDir);

impl SmallDisk {
    /// A disk of this size; `None` if this user may not mount one.
    pub fn mount(size: &str) -> Option<Self> {
        let directory = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &format!("size={size},mode=0700"), "small"]);
        let status = mount.arg(directory.path()).status();
        status.is_ok_and(|status| status.success()).then_some(Self(directory))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all the space that is left, except this many bytes, until the file is dropped.
    pub fn fill_except(&self, bytes: u64) -> NamedTempFile<File> {
        let mut file = NamedTempFile::new_in(self.path()).unwrap();
        while file.write(&[0; 4096]).is_ok() {}
        let filled = file.as_file().metadata().unwrap().len();
        file.as_file().set_len(filled - bytes).unwrap();
        file
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).status();
    }
}
