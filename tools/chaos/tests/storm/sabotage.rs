//! The checker reports real damage, which the test does by hand first.

use std::time::Duration;

use chaos::{
    check::Violation,
    run::{Run, RunOptions},
};
use indicatif::ProgressBar;
use serde_json::json;
use test_kit::stack::INVALID;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_checker_finds_damage_done_by_hand() {
    let directory = tempfile::tempdir().unwrap();
    let time = Duration::from_secs(3);
    let directory = directory.path().to_owned();
    let mut run =
        Run::start(RunOptions { seed: 11, time, senders: 4, pace: None, directory }).await.unwrap();
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
    // Four rows from the api.
    let ids = sql("select id from forms where submission_id is not null order by id limit 4").await;
    let [lost, doubled, altered, renamed] = ids.lines().collect::<Vec<_>>().try_into().unwrap();
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
    assert_eq!(found.len(), 7, "{found:?}");
}
