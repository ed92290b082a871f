use super::*;

/// A form 1 that got 202, a form 2 of which nothing is known, a bad form 3, a message 4 and garbage 5; all as it should be.
fn good() -> (Vec<Submission>, Remains) {
    let accepted = |id: &str| Outcome::Accepted(Some(id.to_owned()));
    let submissions = vec![
        submission(1, Kind::Form, vec![Outcome::Unknown("reset".to_owned()), accepted("id-1")]),
        submission(2, Kind::Form, vec![Outcome::Unknown("503".to_owned())]),
        submission(3, Kind::BadForm, vec![Outcome::Refused(400)]),
        submission(4, Kind::Message, vec![accepted("message-4")]),
        submission(5, Kind::Garbage, vec![accepted("message-5")]),
    ];
    let remains = Remains {
        rows: vec![row(1, Some("id-1"), "message-1", "1"), row(4, None, "message-4", "4")],
        aside: vec![aside("aside-5", "message-5", "5")],
        on_the_queue: 0,
    };
    (submissions, remains)
}

fn submission(number: u32, kind: Kind, outcomes: Vec<Outcome>) -> Submission {
    let content = Content::of_bytes(&number.to_string());
    Submission { name: name(number), kind, content, attempts: outcomes.len(), outcomes }
}

fn name(number: u32) -> Name {
    Name { sender: 0, number }
}

fn row(id: u64, submission_id: Option<&str>, message_id: &str, content: &str) -> Row {
    let message_id = Some(message_id.to_owned());
    Row {
        id,
        submission_id: submission_id.map(str::to_owned),
        message_id,
        content: Content::of_bytes(content),
    }
}

fn aside(message_id: &str, original: &str, body: &str) -> SetAside {
    let original_message_id = Some(original.to_owned());
    SetAside {
        message_id: message_id.to_owned(),
        original_message_id,
        body: Content::of_bytes(body),
    }
}

/// What the checker says when something is changed in what is good.
fn with(change: impl FnOnce(&mut Vec<Submission>, &mut Remains)) -> Vec<Violation> {
    let (mut submissions, mut remains) = good();
    change(&mut submissions, &mut remains);
    check(&submissions, &remains).violations
}

#[test]
fn what_is_as_it_should_be_breaks_no_promise() {
    let (submissions, remains) = good();
    let verdict = check(&submissions, &remains);
    assert_eq!(verdict.violations, []);
    let figures = verdict.figures;
    assert_eq!((figures.submissions, figures.attempts, figures.accepted), (5, 6, 3));
    assert_eq!((figures.refused, figures.unknown, figures.unknown_stored), (1, 1, 0));
    assert_eq!((figures.rows, figures.aside, figures.aside_copies), (2, 1, 1));
}

#[test]
fn an_accepted_form_or_message_without_a_row_is_lost() {
    assert_eq!(
        with(|_, remains| drop(remains.rows.remove(0))),
        [Violation::Lost(name(1), Some("id-1".to_owned()))]
    );
    let lost = [Violation::Lost(name(4), Some("message-4".to_owned()))];
    assert_eq!(with(|_, remains| drop(remains.rows.remove(1))), lost);
    let lost = with(|submissions, remains| {
        submissions[0].outcomes = vec![Outcome::Accepted(None)];
        remains.rows.remove(0);
    });
    assert_eq!(lost, [Violation::Lost(name(1), None)]);
}

#[test]
fn a_second_row_is_doubled_whatever_its_id() {
    let twice = with(|_, remains| remains.rows.push(row(9, Some("id-9"), "message-9", "1")));
    assert_eq!(twice, [Violation::Doubled(name(1), 2)]);
    let twice = with(|_, remains| {
        remains.rows.extend([
            row(8, Some("id-8"), "message-8", "2"),
            row(9, Some("id-9"), "message-9", "2"),
        ]);
    });
    assert_eq!(twice, [Violation::Doubled(name(2), 2)]);
}

#[test]
fn what_is_not_known_to_be_accepted_may_be_stored_once() {
    assert_eq!(with(|_, remains| remains.rows.push(row(2, Some("id-2"), "message-2", "2"))), []);
    assert_eq!(
        with(|submissions, remains| {
            submissions[4].outcomes = vec![Outcome::Unknown("reset".to_owned())];
            remains.aside.clear();
        }),
        []
    );
    assert_eq!(
        with(|submissions, _| submissions[4].outcomes = vec![Outcome::Unknown("reset".to_owned())]),
        []
    );
}

#[test]
fn another_content_under_the_id_is_altered_and_not_lost() {
    assert_eq!(
        with(|_, remains| remains.rows[0].content = Content::of_bytes("1 altered")),
        [Violation::Altered(name(1), 1)]
    );
    assert_eq!(
        with(|_, remains| remains.rows[1].content = Content::of_bytes("4 altered")),
        [Violation::Altered(name(4), 4)]
    );
}

#[test]
fn a_row_has_the_id_that_was_answered() {
    let other = |id: Option<&str>| {
        let id = id.map(str::to_owned);
        with(|_, remains| remains.rows[0].submission_id = id)
    };
    assert_eq!(other(Some("id-9")), [Violation::OtherId(name(1), 1)]);
    assert_eq!(other(None), [Violation::OtherId(name(1), 1)]);
    assert_eq!(
        with(|_, remains| remains.rows[1].message_id = Some("message-9".to_owned())),
        [Violation::OtherId(name(4), 4)]
    );
    assert_eq!(
        with(|_, remains| remains.rows[1].submission_id = Some("id-4".to_owned())),
        [Violation::OtherId(name(4), 4)]
    );
}

#[test]
fn a_key_has_one_id() {
    let two = with(|submissions, _| {
        submissions[0].outcomes.push(Outcome::Accepted(Some("id-11".to_owned())))
    });
    assert_eq!(two, [Violation::SeveralIds(name(1))]);
}

#[test]
fn what_was_refused_or_is_no_form_is_not_stored() {
    for (number, content) in [(3, "3"), (5, "5")] {
        assert_eq!(
            with(|_, remains| remains.rows.push(row(9, Some("id-9"), "message-9", content))),
            [Violation::StoredThoughRefused(name(number), 9)]
        );
    }
    let both = with(|submissions, remains| {
        submissions[1].outcomes = vec![Outcome::Refused(413)];
        remains.rows.push(row(9, Some("id-9"), "message-9", "2"));
    });
    assert_eq!(
        both,
        [Violation::GoodButRefused(name(2), 413), Violation::StoredThoughRefused(name(2), 9)]
    );
}

#[test]
fn good_forms_are_not_refused_and_bad_ones_not_accepted() {
    assert_eq!(
        with(|submissions, _| submissions[1].outcomes = vec![Outcome::Refused(400)]),
        [Violation::GoodButRefused(name(2), 400)]
    );
    assert_eq!(
        with(|submissions, _| submissions[2].outcomes =
            vec![Outcome::Accepted(Some("id-3".to_owned()))]),
        [Violation::BadButAccepted(name(3))]
    );
}

#[test]
fn a_row_that_nobody_sent_is_told() {
    assert_eq!(
        with(|_, remains| remains.rows.push(row(9, Some("id-9"), "message-9", "9"))),
        [Violation::RowOfNobody(9)]
    );
}

#[test]
fn garbage_is_on_the_invalid_queue_once_whole_and_alone() {
    assert_eq!(
        with(|_, remains| remains.aside.clear()),
        [Violation::NotSetAside(name(5), Some("message-5".to_owned()))]
    );
    // A second copy of one message is what a crash leaves, and promised.
    assert_eq!(with(|_, remains| remains.aside.push(aside("aside-6", "message-5", "5"))), []);
    assert_eq!(
        with(|_, remains| remains.aside.push(aside("aside-6", "message-6", "5"))),
        [Violation::SetAsideTwice(name(5))]
    );
    assert_eq!(
        with(|_, remains| remains.aside[0].body = Content::of_bytes("5 altered")),
        [Violation::AlteredAside(name(5), "aside-5".to_owned())]
    );
}

#[test]
fn nothing_else_is_on_the_invalid_queue() {
    let wrong = [Violation::WronglySetAside("aside-9".to_owned())];
    // Nobody's, a good form's, and one that SQS itself has put there.
    assert_eq!(with(|_, remains| remains.aside.push(aside("aside-9", "message-9", "9"))), wrong);
    assert_eq!(with(|_, remains| remains.aside.push(aside("aside-9", "message-4", "4"))), wrong);
    let buried = |_: &mut Vec<Submission>, remains: &mut Remains| {
        let body = Content::of_bytes("1");
        remains.aside.push(SetAside {
            message_id: "aside-9".to_owned(),
            original_message_id: None,
            body,
        });
    };
    assert_eq!(with(buried), wrong);
}

#[test]
fn a_form_queue_that_is_not_empty_is_told() {
    assert_eq!(with(|_, remains| remains.on_the_queue = 2), [Violation::LeftOnTheQueue(2)]);
}
