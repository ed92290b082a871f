//! The checker reports real damage, which the test does by hand first.

use std::time::Duration;

use chaos::{
    check::{Follower, Violation},
    draft::draft,
    history::{Kind, SubmissionName},
    run::{Run, RunOptions},
};
use indicatif::ProgressBar;
use serde_json::json;
use test_kit::stack::INVALID;
use tokio_util::sync::CancellationToken;

const SENDERS: u32 = 4;
const LARGE: usize = 256 * 1024;

/// A seed with which the first form of some sender is large.
fn seed_with_a_large_form() -> u64 {
    let first = |seed, sender| draft(seed, SubmissionName { sender, number: 0 });
    let is_large = |draft: chaos::draft::Draft| {
        draft.encoding == "application/json"
            && draft.kind == Kind::Form
            && draft.body.len() > LARGE + 1000
    };
    (11..).find(|seed| (0..SENDERS).any(|sender| is_large(first(*seed, sender)))).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checker_finds_damage_done_by_hand() {
    let directory = tempfile::tempdir().unwrap();
    let time = Duration::from_secs(5);
    let directory = directory.path().to_owned();
    let seed = seed_with_a_large_form();
    let mut run = Run::start(RunOptions { seed, time, senders: SENDERS, pace: None, directory })
        .await
        .unwrap();
    run.storm(&ProgressBar::hidden(), &CancellationToken::new()).await.unwrap();
    let undamaged = run.examine().await.unwrap();
    assert_eq!(undamaged.violations, []);
    assert!(undamaged.figures.accepted > 20, "{:?}", undamaged.figures);
    assert!(
        undamaged.figures.attempts > undamaged.figures.submissions,
        "no submission was sent again: {:?}",
        undamaged.figures
    );

    let sql =
        async |statements: &str| run.system().postgres.sql("forms", statements).await.unwrap();
    // The largest row and three others from the api.
    let ids = sql("select id from forms where submission_id is not null order by length(data::text) desc, id limit 4").await;
    let [altered, lost, doubled, renamed] = ids.lines().collect::<Vec<_>>().try_into().unwrap();
    let size = sql(&format!("select length(data::text) from forms where id = {altered}")).await;
    assert!(size.parse::<usize>().unwrap() > LARGE, "{size}");
    sql(&format!("delete from forms where id = {lost}")).await;
    sql(&format!("insert into forms (sqs_message_id, data) select 'by hand', data from forms where id = {doubled}"))
        .await;
    // The smallest difference: the scale of one number.
    sql(&format!(
        "update forms set data = jsonb_set(data, '{{by hand}}', '1.0') where id = {altered}"
    ))
    .await;
    sql(&format!("update forms set submission_id = gen_random_uuid() where id = {renamed}")).await;
    let stray =
        sql("insert into forms (data) values ('{\"data\": \"by hand\"}') returning id").await;
    let aside = run.system().sqs.send(INVALID, "by hand", &[]).await;
    run.system()
        .sqs
        .call(
            "SendMessage",
            json!({ "QueueUrl": run.system().queue_url(INVALID), "MessageBody": "{}" }),
        )
        .await;

    let found = run.examine().await.unwrap().violations;
    let count = |is: fn(&Violation) -> bool| found.iter().filter(|violation| is(violation)).count();
    let number = |id: &str| id.parse::<u64>().unwrap();
    assert_eq!(count(|violation| matches!(violation, Violation::Lost(_, Some(_)))), 1, "{found:?}");
    assert_eq!(count(|violation| matches!(violation, Violation::Doubled(_, 2))), 1, "{found:?}");
    assert!(found.iter().any(
        |violation| matches!(violation, Violation::Altered(_, row) if *row == number(altered))
    ));
    assert!(found.iter().any(
        |violation| matches!(violation, Violation::OtherId(_, row) if *row == number(renamed))
    ));
    assert!(found.contains(&Violation::UnknownRow(number(&stray))), "{found:?}");
    assert!(found.contains(&Violation::WronglySetAside(aside)), "{found:?}");
    // Both clients of the reader have seen the row that is lost now, and none of the two that came later.
    let number_of_lost = number(lost);
    let followers = [Follower::Waiting, Follower::Polling];
    for follower in followers {
        assert!(found.contains(&Violation::SeenAndGone(follower, number_of_lost)), "{found:?}");
        assert!(found.contains(&Violation::Missed(follower, number(&stray))), "{found:?}");
    }
    assert_eq!(count(|violation| matches!(violation, Violation::Missed(..))), 4, "{found:?}");
    assert_eq!(found.len(), 13, "{found:?}");
}
