//! Each served form type has its queues and its check on the health page.

use std::collections::BTreeMap;

use queue::{
    QueueNames,
    settings::{ServedForms, SqsSettings, queue_names},
};
use service::settings::Environment;

fn served(pairs: &[(&str, &str)]) -> Result<ServedForms, String> {
    let mut environment = Environment::from_pairs(pairs.iter().copied());
    let forms = ServedForms::read(&mut environment);
    environment.finish(forms).map_err(|faults| faults.to_string())
}

/// Form type, check, form queue, invalid queue.
fn rows(forms: &ServedForms) -> Vec<[String; 4]> {
    let row = |form: queue::settings::ServedForm| {
        let (name, check) = (form.form_type.name().to_owned(), form.check_name());
        [name, check, form.queues.form, form.queues.invalid]
    };
    forms.iter().map(row).collect()
}

#[test]
fn queues_have_the_names_of_2016_by_default() {
    let forms = served(&[]).unwrap();
    assert_eq!(
        rows(&forms),
        [["form", "queue", "directory-form-data", "directory-form-data-invalid"]]
    );
}

#[test]
fn every_form_type_has_its_own_queues_variables_and_check() {
    let forms = served(&[
        ("FORM_TYPES", "form,enrolment"),
        ("SQS_QUEUE_NAME_PREFIX", "ann-"),
        ("SQS_FORM_DATA_QUEUE_NAME", "forms"),
        ("SQS_INVALID_ENROLMENT_QUEUE_NAME", "bad"),
    ])
    .unwrap();
    assert_eq!(
        rows(&forms),
        [
            ["enrolment", "queue_enrolment", "ann-directory-enrolment", "ann-bad"],
            ["form", "queue", "ann-forms", "ann-directory-form-data-invalid"],
        ]
    );
    let only = forms.only(&["enrolment".to_owned()]);
    assert_eq!(rows(&only).len(), 1);
    assert!(only.contains("enrolment") && !only.contains("form"));
}

#[test]
fn both_spellings_of_the_invalid_queue_are_read_and_must_agree() {
    let old = "SQS_INVALID_MESAGES_QUEUE_NAME";
    let new = "SQS_INVALID_MESSAGES_QUEUE_NAME";
    for pairs in [&[(old, "x")][..], &[(new, "x")], &[(old, "x"), (new, "x")]] {
        let [row] = &rows(&served(pairs).unwrap())[..] else { panic!("{pairs:?}") };
        assert_eq!(row[3], "x", "{pairs:?}");
    }
    let faults = served(&[(old, "x"), (new, "canary")]).unwrap_err();
    assert!(faults.contains("are two spellings of one name, and differ"), "{faults}");
    assert!(!faults.contains("canary"), "{faults}");
}

#[test]
fn operators_need_no_schema_to_find_the_queues_of_a_form_type() {
    let pairs = [("FORM_TYPES", "form,without-schema")];
    assert!(served(&pairs).unwrap_err().contains("FORM_TYPES names without-schema"));

    let mut environment = Environment::from_pairs(pairs);
    let queues = queue_names(&mut environment);
    let queues: BTreeMap<String, QueueNames> = environment.finish(queues).unwrap();
    let names = QueueNames {
        form: "directory-without-schema".to_owned(),
        invalid: "directory-without-schema-invalid".to_owned(),
    };
    assert_eq!(queues.get("without-schema"), Some(&names));
}

#[test]
fn polls_take_their_limits_from_the_settings() {
    let pairs = [("SQS_WAIT_TIME", "0"), ("SQS_MAX_NUMBER_OF_MESSAGES", "3")];
    let mut environment = Environment::from_pairs(pairs);
    let sqs = SqsSettings::read(&mut environment);
    let poll = environment.finish(sqs).unwrap().poll;
    let seconds = (poll.wait_time.as_secs(), poll.visibility_timeout.as_secs());
    assert_eq!((seconds, poll.max_messages), ((0, 21_600), 3));
}
