//! A file that only takes up space, so that a full disk can be drained: SQLite needs space to
//! delete, too.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FallocateFlags, fallocate, statvfs},
    io::Errno,
};

/// More than the write-ahead log can be long: a checkpoint starts at 32 MiB, and one group of
/// changes of 8 MiB may come on top. When the disk is full, all of the log may be messages for
/// which the database must still grow. With this much space the checkpoint succeeds and the log
/// gives its own space back, which is enough for any number of deletes.
const BYTES: u64 = 48 << 20;

/// Space beside the reserve that must be free before sends are accepted again. Without it, the
/// first of them would fill the disk again.
const MARGIN_BYTES: u64 = 16 << 20;

static CHUNK: [u8; 64 << 10] = [0; 64 << 10];

#[derive(Debug)]
pub(super) struct Reserve {
    directory: PathBuf,
    path: PathBuf,
}

impl Reserve {
    pub(super) fn in_directory(directory: &Path) -> Self {
        let path = directory.join("local-sqs.reserve");
        Reserve { directory: directory.to_owned(), path }
    }

    /// Takes the space, unless the file has it already.
    pub(super) fn take(&self) -> io::Result<()> {
        let taken = self.allocate();
        if taken.is_err() {
            self.release();
        }
        taken
    }

    /// Takes the space again if enough of the disk is free.
    pub(super) fn take_again(&self) -> io::Result<bool> {
        let disk = statvfs(&self.directory)?;
        if disk.f_bavail.saturating_mul(disk.f_frsize) < BYTES + MARGIN_BYTES {
            return Ok(false);
        }
        self.take().map(|()| true)
    }

    /// Gives the space back to the disk; `false` if there was none.
    pub(super) fn release(&self) -> bool {
        fs::remove_file(&self.path).is_ok()
    }

    fn allocate(&self) -> io::Result<()> {
        let mut file = File::options().create(true).truncate(false).write(true).open(&self.path)?;
        match fallocate(&file, FallocateFlags::empty(), 0, BYTES) {
            // The file system cannot take space without writing.
            Err(Errno::OPNOTSUPP) if file.metadata()?.len() < BYTES => {
                for _ in 0..BYTES / CHUNK.len() as u64 {
                    file.write_all(&CHUNK)?;
                }
                file.sync_all()
            }
            Err(Errno::OPNOTSUPP) | Ok(()) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
