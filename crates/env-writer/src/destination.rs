//! Where a file goes, and how it gets there in one step.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::content::Content;
use crate::report::Problem;

/// A place that can be written to: its directory is there and takes a new file.
///
/// Holds that new file, still empty, beside the old one. It is removed on drop.
pub struct Destination {
    /// As in the JSON file, for messages.
    shown: PathBuf,
    /// Absolute and without symbolic links, so that two spellings of one place are equal.
    resolved: PathBuf,
    new: NamedTempFile,
}

impl Destination {
    /// A symbolic link is followed, as a plain write would; a device or a directory is refused, as a rename would replace it or fail late.
    pub fn open(file_path: &Path) -> Result<Self, Problem> {
        let fault = |cause| Problem::unwritable_file(file_path, cause);
        let resolved = resolve(file_path).map_err(fault)?;
        let new = new_file_beside(&resolved).map_err(fault)?;
        Ok(Self { shown: file_path.to_owned(), resolved, new })
    }

    pub fn is_same(&self, other: &Self) -> bool {
        self.resolved == other.resolved
    }

    /// Brings the content to the disk, but not yet to its place.
    pub fn stage(mut self, content: &Content) -> Result<Staged, Problem> {
        let file = self.new.as_file_mut();
        file.write_all(content.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|cause| Problem::unwritable_file(&self.shown, cause))?;
        Ok(Staged(self))
    }
}

/// Written and synced, lacking only the rename.
pub struct Staged(Destination);

impl Staged {
    /// The directory is not synced: after a power cut either the old or the new file is there, and both are whole.
    pub fn replace(self) -> Result<(), Problem> {
        let Destination { shown, resolved, new } = self.0;
        new.persist(resolved)
            .map(drop)
            .map_err(|failed| Problem::unwritable_file(&shown, failed.error))
    }
}

fn resolve(file_path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(file_path) {
        Ok(existing) if existing.is_file() => Ok(existing),
        Ok(_) => Err(io::Error::other("it is there, and not a regular file")),
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(cause),
        Err(_) if file_path.is_symlink() => {
            Err(io::Error::other("it is a symbolic link to a file that is not there"))
        }
        Err(_) => {
            // `file_name` overlooks a slash at the end, and would make a file of what was meant as a directory.
            let name = file_path
                .file_name()
                .filter(|name| ends_with(file_path, name))
                .ok_or_else(|| io::Error::other("it is not the name of a file"))?;
            Ok(fs::canonicalize(directory_of(file_path))?.join(name))
        }
    }
}

fn new_file_beside(resolved: &Path) -> io::Result<NamedTempFile> {
    let mut prefix = OsString::from(resolved.file_name().unwrap_or_default());
    prefix.push(".");
    let new = tempfile::Builder::new()
        .prefix(&prefix)
        .suffix(".tmp")
        .tempfile_in(directory_of(resolved))?;
    // Set on the open file, so that it is exactly this, whatever the umask.
    new.as_file().set_permissions(Permissions::from_mode(0o600))?;
    Ok(new)
}

fn directory_of(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn ends_with(path: &Path, name: &OsStr) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(name.as_encoded_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_takes_no_new_file_is_refused_before_anything_is_written() {
        // /proc takes no file, not even from root.
        let problem = Destination::open(Path::new("/proc/.env")).err().unwrap().to_string();
        let start = r#"file_path "/proc/.env" cannot be written: "#;
        assert!(problem.starts_with(start), "{problem}");
    }

    #[test]
    fn a_rename_that_fails_is_reported_and_leaves_no_copy_of_the_secrets() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join(".env");
        let content = Content::from_lines("UI_SECRET=hush\n");
        let staged = Destination::open(&target).unwrap().stage(&content).unwrap();
        fs::create_dir(&target).unwrap();

        let problem = staged.replace().unwrap_err().to_string();

        let start = format!("file_path {target:?} cannot be written: ");
        assert!(problem.starts_with(&start), "{problem}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }
}
