//! Workers that are killed at one moment.

use chaos::between::{Left, Moment, kill_between};
use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;

async fn left_after(moment: Moment) -> Left {
    let directory = tempfile::tempdir().unwrap();
    // PostgreSQL runs as another user where we are root.
    std::fs::set_permissions(directory.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
        .unwrap();
    let (bar, interrupted) = (ProgressBar::hidden(), CancellationToken::new());
    kill_between(moment, 3, 2, directory.path(), &bar, &interrupted).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_between_commit_and_delete_leave_one_row_each() {
    let expected = Left { kills: 3, rows: 3, lost: 0, doubled: 0, aside_copies: 0 };
    assert_eq!(left_after(Moment::CommitAndDelete).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_between_setting_aside_and_delete_leave_copies_of_one_message_each() {
    let expected = Left { kills: 3, rows: 0, lost: 0, doubled: 0, aside_copies: 6 };
    assert_eq!(left_after(Moment::AsideAndDelete).await, expected);
}
