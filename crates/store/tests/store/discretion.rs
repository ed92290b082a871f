//! No error and no log line contains form data.

use log::kv::{Error, Key, Value, VisitSource};
use parking_lot::{Mutex, const_mutex};
use store::RowOutcome::Refused;

use crate::support::{fixture, fixture_with, submission};

const CANARY: &str = "canary-7f3a";

/// Everything that the tests of this process log, with all fields.
static LOGGED: Mutex<String> = const_mutex(String::new());

struct Recorder;

impl log::Log for Recorder {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let mut line = Line(record.args().to_string());
        record.key_values().visit(&mut line).unwrap();
        let mut logged = LOGGED.lock();
        logged.push_str(&line.0);
        logged.push('\n');
    }

    fn flush(&self) {}
}

struct Line(String);

impl<'kvs> VisitSource<'kvs> for Line {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), Error> {
        self.0 += &format!(" {key}={value}");
        Ok(())
    }
}

#[test]
fn detail_and_context_of_postgresql_never_leave_the_store() {
    let _ = log::set_logger(&Recorder);
    log::set_max_level(log::LevelFilter::Trace);

    // Refused data: PostgreSQL's DETAIL quotes the token, and its CONTEXT the text around it.
    let f = fixture();
    let bad = submission(1, &format!(r#"{{"data": {CANARY}}}"#));
    let insertion = f.store.insert_once(&[bad.clone(), submission(2, "{}")]);
    assert!(matches!(insertion.outcomes[0], Refused(_)));
    assert!(!format!("{insertion:?} {bad:?}").contains(CANARY));

    // Unavailable and undecided: every part of PostgreSQL's error except its message is full of
    // data.
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
        for unavailable in insertion.unavailable.into_iter().chain(f.store.probe().err()) {
            said += &format!(" {unavailable} {unavailable:?} {unavailable:#?}");
            assert_eq!(unavailable.message.as_deref(), Some("no room"));
            assert!(std::error::Error::source(&unavailable).is_none());
        }
        assert!(!said.contains(CANARY), "{said}");
    }

    let logged = LOGGED.lock();
    assert!(logged.contains("no room"), "{logged}");
    assert!(!logged.contains(CANARY), "{logged}");
}

#[test]
fn the_error_of_a_failed_migration_quotes_no_rows() {
    let f = crate::adoption::old_database(&format!(
        "INSERT INTO form_form (created, data) VALUES (now(), '\"{CANARY}\"')"
    ));
    // The migration fails because a view uses a column whose type changes.
    f.sql(&format!("CREATE VIEW report AS SELECT id, '{CANARY}' AS secret FROM form_form"));
    let store = crate::support::store_on(&f.url(), |_| {});
    let error = store.migrate().unwrap_err();
    assert!(error.to_string().contains("cannot alter type of a column used by a view"), "{error}");
    assert!(!format!("{error} {error:?}").contains(CANARY));
    assert_eq!(f.sql("SELECT count(*) FROM form_form"), "1");
}
