//! The place of a file, and how to replace the file in one step.

use std::{
    ffi::{OsStr, OsString},
    fs::{self, Permissions},
    io::{self, ErrorKind, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::{
    content::Content,
    report::{Problem, WriteError},
};

/// A place that can be written to: its directory exists and accepts a new file.
///
/// Holds that new file, still empty, beside the old one. Drop removes it.
pub struct Destination {
    /// As in the JSON file; for messages.
    shown: PathBuf,
    /// Absolute and without symbolic links, so that two spellings of the same place are equal.
    resolved: PathBuf,
    new: NamedTempFile,
}

impl Destination {
    /// Follows a symbolic link, as a plain write would. Refuses a device and a directory, because a
    /// rename would replace the device, and would fail late for the directory.
    pub fn open(file_path: &Path) -> Result<Self, Problem> {
        let resolved =
            resolve(file_path).map_err(|cause| Problem::unwritable_file(file_path, cause))?;
        let new = new_file_beside(&resolved)
            .map_err(|cause| Problem::unwritable_file(file_path, cause))?;
        Ok(Self { shown: file_path.to_owned(), resolved, new })
    }

    pub fn is_same(&self, other: &Self) -> bool {
        self.resolved == other.resolved
    }

    /// Writes the content to the disk, but does not replace the old file yet.
    pub fn stage(mut self, content: &Content) -> Result<Staged, Problem> {
        let file = self.new.as_file_mut();
        file.write_all(content.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(|cause| Problem::unwritable_file(&self.shown, cause))?;
        Ok(Staged(self))
    }
}

/// Written and synced; only the rename is missing.
pub struct Staged(Destination);

impl Staged {
    /// Does not sync the directory: after a power cut, either the old or the new file is there, and
    /// both are complete.
    pub fn replace(self) -> Result<(), Problem> {
        let Destination { shown, resolved, new } = self.0;
        new.persist(resolved)
            .map(drop)
            .map_err(|failed| Problem::unwritable_file(&shown, failed.error))
    }
}

fn resolve(file_path: &Path) -> Result<PathBuf, WriteError> {
    match fs::canonicalize(file_path) {
        Ok(existing) if existing.is_file() => Ok(existing),
        Ok(_) => Err(WriteError::NotARegularFile),
        Err(cause) if cause.kind() != ErrorKind::NotFound => Err(cause.into()),
        Err(_) if file_path.is_symlink() => Err(WriteError::DanglingLink),
        Err(_) => {
            // `file_name` ignores a slash at the end, and would turn the name of a directory into
            // the name of a file.
            let name = file_path
                .file_name()
                .filter(|name| ends_with(file_path, name))
                .ok_or(WriteError::NotAFileName)?;
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
    // Set on the open file, so that the umask has no effect.
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
    fn a_directory_that_accepts_no_new_file_is_refused_before_anything_is_written() {
        // Nobody can create a file in /proc, not even root.
        let problem = Destination::open(Path::new("/proc/.env")).err().unwrap().to_string();
        let start = r#"file_path "/proc/.env" cannot be written: "#;
        assert!(problem.starts_with(start), "{problem}");
    }

    #[test]
    fn a_failed_rename_is_reported_and_leaves_no_copy_of_the_secrets() {
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
