//! Workers that are killed at one exact moment.

use std::{fs, os::unix::fs::PermissionsExt};

use chaos::kills::{KillResult, Moment, kill_workers};
use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;

async fn kill_three(moment: Moment) -> KillResult {
    let directory = tempfile::tempdir().unwrap();
    // If we are root, PostgreSQL runs as another user.
    fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let (bar, interrupted) = (ProgressBar::hidden(), CancellationToken::new());
    kill_workers(moment, 3, 2, directory.path(), &bar, &interrupted).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_between_commit_and_delete_leave_one_row_each() {
    let expected = KillResult { kills: 3, rows: 3, lost: 0, doubled: 0, set_aside_copies: 0 };
    assert_eq!(kill_three(Moment::AfterCommit).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_between_setting_aside_and_delete_leave_copies_of_one_message_each() {
    let expected = KillResult { kills: 3, rows: 0, lost: 0, doubled: 0, set_aside_copies: 6 };
    assert_eq!(kill_three(Moment::AfterSetAside).await, expected);
}
