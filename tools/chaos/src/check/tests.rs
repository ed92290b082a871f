use super::*;
use crate::history::SubmissionName;

/// Form 1 got 202, the outcome of form 2 is unknown, form 3 is bad, 4 is a message, 5 garbage, and PostgreSQL refused 6.
/// No promise is broken.
fn good() -> (Vec<Submission>, FinalState) {
    let accepted = |id: &str| Outcome::Accepted(Some(id.to_owned()));
    let submissions = vec![
        submission(1, Kind::Form, vec![Outcome::Unknown("reset".to_owned()), accepted("id-1")]),
        submission(2, Kind::Form, vec![Outcome::Unknown("503".to_owned())]),
        submission(3, Kind::BadForm, vec![Outcome::Refused(400)]),
        submission(4, Kind::Message, vec![accepted("message-4")]),
        submission(5, Kind::Garbage, vec![accepted("message-5")]),
        Submission { refusable: true, ..submission(6, Kind::Form, vec![accepted("id-6")]) },
    ];
    let state = FinalState {
        rows: vec![row(1, Some("id-1"), "message-1", "1"), row(4, None, "message-4", "4")],
        kept: vec![kept(5, None, "message-5", "5"), kept(6, Some("id-6"), "message-6", "6")],
        some_refused: true,
        ..FinalState::default()
    };
    (submissions, state)
}

fn submission(number: u32, kind: Kind, outcomes: Vec<Outcome>) -> Submission {
    let content = Content::of_bytes(&number.to_string());
    let attempts = outcomes.len();
    let (name, refusable) = (name(number), false);
    Submission { name, kind, content, bytes: 100, refusable, attempts, outcomes }
}

fn name(number: u32) -> SubmissionName {
    SubmissionName { sender: 0, number }
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

fn kept(id: u64, submission_id: Option<&str>, message_id: &str, body: &str) -> KeptMessage {
    KeptMessage {
        id,
        submission_id: submission_id.map(str::to_owned),
        message_id: message_id.to_owned(),
        state: State::Waiting,
        text: Content::of_bytes(body),
        form: Content::of_json(body),
        times_seen: 1,
        times_sent: 0,
    }
}

/// The violations after a change to the good state.
fn with(change: impl FnOnce(&mut Vec<Submission>, &mut FinalState)) -> Vec<Violation> {
    let (mut submissions, mut state) = good();
    change(&mut submissions, &mut state);
    check(&submissions, &state).violations
}

#[test]
fn a_good_history_breaks_no_promise() {
    let (submissions, state) = good();
    let verdict = check(&submissions, &state);
    assert_eq!(verdict.violations, []);
    let figures = verdict.figures;
    assert_eq!((figures.submissions, figures.attempts, figures.accepted), (6, 7, 4));
    assert_eq!((figures.refused, figures.unknown, figures.unknown_stored), (1, 1, 0));
    assert_eq!((figures.rows, figures.kept, figures.kept_copies), (2, 2, 2));
    assert_eq!((figures.accepted_forms, figures.accepted_stored), (3, 2));
    assert_eq!((figures.accepted_waiting, figures.accepted_in_both), (1, 0));
}

#[test]
fn an_accepted_form_or_message_without_a_row_is_lost() {
    assert_eq!(
        with(|_, state| drop(state.rows.remove(0))),
        [Violation::Lost(name(1), Some("id-1".to_owned()))]
    );
    let lost = [Violation::Lost(name(4), Some("message-4".to_owned()))];
    assert_eq!(with(|_, state| drop(state.rows.remove(1))), lost);
    let lost = with(|submissions, state| {
        submissions[0].outcomes = vec![Outcome::Accepted(None)];
        state.rows.remove(0);
    });
    assert_eq!(lost, [Violation::Lost(name(1), None)]);
}

#[test]
fn a_second_row_counts_as_doubled_under_any_id() {
    let twice = with(|_, state| state.rows.push(row(9, Some("id-9"), "message-9", "1")));
    assert_eq!(twice, [Violation::Doubled(name(1), 2)]);
    let twice = with(|_, state| {
        state.rows.extend([
            row(8, Some("id-8"), "message-8", "2"),
            row(9, Some("id-9"), "message-9", "2"),
        ]);
    });
    assert_eq!(twice, [Violation::Doubled(name(2), 2)]);
}

#[test]
fn a_submission_with_an_unknown_outcome_may_be_stored_once() {
    assert_eq!(with(|_, state| state.rows.push(row(2, Some("id-2"), "message-2", "2"))), []);
    assert_eq!(
        with(|submissions, state| {
            submissions[4].outcomes = vec![Outcome::Unknown("reset".to_owned())];
            state.kept.remove(0);
        }),
        []
    );
    assert_eq!(
        with(|submissions, _| submissions[4].outcomes = vec![Outcome::Unknown("reset".to_owned())]),
        []
    );
}

#[test]
fn other_content_under_the_id_counts_as_altered_and_not_as_lost() {
    assert_eq!(
        with(|_, state| state.rows[0].content = Content::of_bytes("1 altered")),
        [Violation::Altered(name(1), 1)]
    );
    assert_eq!(
        with(|_, state| state.rows[1].content = Content::of_bytes("4 altered")),
        [Violation::Altered(name(4), 4)]
    );
}

#[test]
fn a_row_must_have_the_id_of_the_answer() {
    let other = |id: Option<&str>| {
        let id = id.map(str::to_owned);
        with(|_, state| state.rows[0].submission_id = id)
    };
    assert_eq!(other(Some("id-9")), [Violation::OtherId(name(1), 1)]);
    assert_eq!(other(None), [Violation::OtherId(name(1), 1)]);
    assert_eq!(
        with(|_, state| state.rows[1].message_id = Some("message-9".to_owned())),
        [Violation::OtherId(name(4), 4)]
    );
    assert_eq!(
        with(|_, state| state.rows[1].submission_id = Some("id-4".to_owned())),
        [Violation::OtherId(name(4), 4)]
    );
}

#[test]
fn several_ids_for_one_key_are_a_violation() {
    let two = with(|submissions, _| {
        submissions[0].outcomes.push(Outcome::Accepted(Some("id-11".to_owned())))
    });
    assert_eq!(two, [Violation::SeveralIds(name(1))]);
}

#[test]
fn refused_forms_and_garbage_must_not_be_stored() {
    for (number, content) in [(3, "3"), (5, "5")] {
        assert_eq!(
            with(|_, state| state.rows.push(row(9, Some("id-9"), "message-9", content))),
            [Violation::StoredThoughRefused(name(number), 9)]
        );
    }
    let both = with(|submissions, state| {
        submissions[1].outcomes = vec![Outcome::Refused(413)];
        state.rows.push(row(9, Some("id-9"), "message-9", "2"));
    });
    assert_eq!(
        both,
        [Violation::GoodButRefused(name(2), 413), Violation::StoredThoughRefused(name(2), 9)]
    );
}

#[test]
fn good_forms_must_be_accepted_and_bad_ones_refused() {
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
fn a_row_that_nobody_sent_is_a_violation() {
    assert_eq!(
        with(|_, state| state.rows.push(row(9, Some("id-9"), "message-9", "9"))),
        [Violation::UnknownRow(9)]
    );
}

#[test]
fn garbage_must_wait_unaltered_and_in_one_row() {
    assert_eq!(
        with(|_, state| drop(state.kept.remove(0))),
        [Violation::NotSetAside(name(5), Some("message-5".to_owned()))]
    );
    for message_id in ["message-5", "message-6"] {
        assert_eq!(
            with(|_, state| state.kept.push(kept(7, None, message_id, "5"))),
            [Violation::SetAsideTwice(name(5))]
        );
    }
    assert_eq!(
        with(|_, state| state.kept[0].text = Content::of_bytes("5 altered")),
        [Violation::AlteredAside(name(5), 5)]
    );
}

#[test]
fn nothing_else_may_wait() {
    // A message that nobody sent, a good form, and a message that SQS itself moved.
    for (message_id, body) in [("message-9", "9"), ("message-4", "4"), ("message-9", "1")] {
        assert_eq!(
            with(|_, state| state.kept.push(kept(9, None, message_id, body))),
            [Violation::WronglySetAside(message_id.to_owned())]
        );
    }
}

#[test]
fn a_refused_form_without_a_row_must_wait() {
    let lost = [Violation::Lost(name(6), Some("id-6".to_owned())), Violation::NoneRefused];
    assert_eq!(with(|_, state| drop(state.kept.pop())), lost);
    for is in [State::SentBack, State::Stored] {
        assert_eq!(with(|_, state| state.kept[1].state = is), lost, "{is:?}");
    }
    // Whatever the api answered: it was taken, because it was kept.
    let unanswered = with(|submissions, state| {
        submissions[5].outcomes = vec![Outcome::Unknown("closed".to_owned())];
        state.kept[1].state = State::SentBack;
    });
    assert_eq!(unanswered, [Violation::Lost(name(6), None), Violation::NoneRefused]);
    let discarded = with(|_, state| state.kept[1].state = State::Discarded);
    assert_eq!(discarded[0], Violation::WronglySetAside("id-6".to_owned()));
    assert_eq!(discarded[1..], lost);
}

#[test]
fn a_refused_form_that_came_again_may_be_stored_while_a_copy_waits_but_not_in_two_rows() {
    let in_both = |submissions: &mut Vec<Submission>, state: &mut FinalState| {
        state.rows.push(row(6, Some("id-6"), "message-6", "6"));
        // Otherwise no form waits.
        let another = vec![Outcome::Accepted(Some("id-7".to_owned()))];
        submissions.push(Submission { refusable: true, ..submission(7, Kind::Form, another) });
        state.kept.push(kept(7, Some("id-7"), "message-7", "7"));
    };
    for is in [State::Waiting, State::SentBack, State::Stored] {
        let found = with(|submissions, state| {
            in_both(submissions, state);
            state.kept[1].state = is;
        });
        assert_eq!(found, [], "{is:?}");
    }
    let doubled = with(|submissions, state| {
        in_both(submissions, state);
        state.rows.push(row(8, Some("id-8"), "message-8", "6"));
    });
    assert_eq!(doubled, [Violation::Doubled(name(6), 2)]);
}

#[test]
fn a_refused_form_must_wait_unaltered_and_in_one_row() {
    assert_eq!(
        with(|_, state| state.kept.push(kept(7, Some("id-6"), "message-7", "6"))),
        [Violation::SetAsideTwice(name(6))]
    );
    assert_eq!(
        with(|_, state| state.kept[1].form = Content::of_bytes("6 altered")),
        [Violation::AlteredAside(name(6), 6)]
    );
}

#[test]
fn a_run_in_which_no_accepted_form_waits_shows_nothing() {
    let none = |some_refused: bool| {
        with(|submissions, state| {
            submissions.pop();
            state.kept.pop();
            state.some_refused = some_refused;
        })
    };
    assert_eq!(none(true), [Violation::NoneRefused]);
    assert_eq!(none(false), []);
}

#[test]
fn a_run_in_which_nothing_was_sent_back_shows_nothing() {
    let with_times = |times_sent: usize| {
        with(|_, state| {
            state.some_sent_back = true;
            state.kept[1].times_sent = times_sent;
        })
    };
    assert_eq!(with_times(0), [Violation::NoneSentBack]);
    assert_eq!(with_times(1), []);
}

#[test]
fn a_form_that_postgresql_did_not_refuse_is_not_stored_because_somebody_sent_it_back() {
    let stored_after = |times_sent: usize| {
        with(|_, state| {
            let copy =
                KeptMessage { state: State::Stored, times_sent, ..kept(7, None, "message-4", "4") };
            state.kept.push(copy);
        })
    };
    assert_eq!(stored_after(0), []);
    assert_eq!(stored_after(1), [Violation::WronglySetAside("message-4".to_owned())]);
}

#[test]
fn garbage_that_was_sent_back_must_wait_again() {
    for is in [State::SentBack, State::Stored, State::Discarded] {
        let found = with(|_, state| state.kept[0].state = is);
        assert!(found.contains(&Violation::WronglySetAside("message-5".to_owned())), "{is:?}");
    }
}

#[test]
fn messages_left_on_the_invalid_queue_are_a_violation() {
    assert_eq!(with(|_, state| state.on_invalid_queue = 2), [Violation::NotKept(2)]);
}

#[test]
fn messages_left_on_the_form_queue_are_a_violation() {
    assert_eq!(with(|_, state| state.on_form_queue = 2), [Violation::LeftOnTheQueue(2)]);
}
