//! Nothing that anybody sent is in an error.

use std::sync::Mutex;

use store::RowOutcome::Refused;

use crate::support::{fixture, fixture_with, submission};

const CANARY: &str = "canary-7f3a";

/// Everything that the tests of this process log.
static LOGGED: Mutex<String> = Mutex::new(String::new());

struct Recorder;

impl log::Log for Recorder {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let mut logged = LOGGED.lock().unwrap();
        logged.push_str(&record.args().to_string());
        logged.push('\n');
    }

    fn flush(&self) {}
}

#[test]
fn neither_detail_nor_context_leaves_the_store() {
    let _ = log::set_logger(&Recorder);
    log::set_max_level(log::LevelFilter::Trace);

    // Refused: PostgreSQL's DETAIL names the token, its CONTEXT the text around it.
    let f = fixture();
    let bad = submission(1, &format!(r#"{{"data": {CANARY}}}"#));
    let insertion = f.store.insert_once(&[bad.clone(), submission(2, "{}")]);
    assert!(matches!(insertion.outcomes[0], Refused(_)));
    assert!(!format!("{insertion:?} {bad:?}").contains(CANARY));

    // Away and undecided, with everything that an error of PostgreSQL's can have but its message full of data.
    for condition in ["NEW.form_type IS NOT NULL", "NEW.form_type = 'form'"] {
        let f = fixture_with(|settings| settings.pool_size = 1);
        f.on_insert(&format!(
            "IF {condition} THEN \
                 RAISE EXCEPTION 'no room' USING ERRCODE = 'disk_full', DETAIL = NEW.data::text || '{CANARY}', \
                     HINT = NEW.data::text || '{CANARY}', TABLE = '{CANARY}', COLUMN = '{CANARY}', CONSTRAINT = '{CANARY}'; \
             END IF;"
        ));
        let data = format!(r#"{{"data": "{CANARY}"}}"#);
        let insertion = f.store.insert_once(&[submission(1, &data), submission(2, &data)]);
        let mut said = format!("{insertion:?}");
        for away in insertion.unavailable.into_iter().chain(f.store.probe().err()) {
            said += &format!(" {away} {away:?} {away:#?}");
            assert_eq!(away.message.as_deref(), Some("no room"));
            assert!(std::error::Error::source(&away).is_none());
        }
        assert!(!said.contains(CANARY), "{said}");
    }

    let logged = LOGGED.lock().unwrap();
    assert!(logged.contains("no room"), "{logged}");
    assert!(!logged.contains(CANARY), "{logged}");
}

#[test]
fn a_failed_migration_says_what_and_not_with_which_rows() {
    let f = crate::adoption::old_database(&format!(
        "INSERT INTO form_form (created, data) VALUES (now(), '\"{CANARY}\"')"
    ));
    // A view on a column whose type changes.
    f.sql(&format!("CREATE VIEW report AS SELECT id, '{CANARY}' AS secret FROM form_form"));
    let store = crate::support::store_on(&f.url(), |_| {});
    let error = store.migrate().unwrap_err();
    assert!(error.to_string().contains("cannot alter type of a column used by a view"), "{error}");
    assert!(!format!("{error} {error:?}").contains(CANARY));
    assert_eq!(f.sql("SELECT count(*) FROM form_form"), "1");
}
