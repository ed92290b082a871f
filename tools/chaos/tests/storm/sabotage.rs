//! The checker goes red on real damage, done by hand before it looks.

use std::time::Duration;

use chaos::{
    check::Violation,
    run::{Options, Run},
};
use indicatif::ProgressBar;
use serde_json::json;
use test_kit::stack::INVALID;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_done_by_hand_is_found() {
    let directory = tempfile::tempdir().unwrap();
    let time = Duration::from_secs(3);
    let directory = directory.path().to_owned();
    let mut run =
        Run::start(Options { seed: 11, time, senders: 4, pace: None, directory }).await.unwrap();
    run.storm(&ProgressBar::hidden(), &CancellationToken::new()).await.unwrap();
    let sound = run.examine().await.unwrap();
    assert_eq!(sound.violations, []);
    assert!(sound.figures.accepted > 20, "{:?}", sound.figures);
    assert!(
        sound.figures.attempts > sound.figures.submissions,
        "none was sent again: {:?}",
        sound.figures
    );

    let sql =
        async |statements: &str| run.system().postgres.sql("forms", statements).await.unwrap();
    // Of the first and the last row of the api, and two between.
    let ids = sql("select id from forms where submission_id is not null order by id limit 4").await;
    let [lost, doubled, altered, renamed] = ids.lines().collect::<Vec<_>>().try_into().unwrap();
    sql(&format!("delete from forms where id = {lost}")).await;
    sql(&format!("insert into forms (sqs_message_id, data) select 'by hand', data from forms where id = {doubled}"))
        .await;
    // One scale of one number is enough.
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
    assert!(found.contains(&Violation::RowOfNobody(number(&stray))), "{found:?}");
    assert!(found.contains(&Violation::WronglySetAside(aside)), "{found:?}");
    assert_eq!(found.len(), 7, "{found:?}");
}
