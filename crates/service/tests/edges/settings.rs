//! Settings are read by name, and all faults are reported together and without values.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    time::Duration,
};

use service::settings::{
    Environment, ListenSettings, LogFormat, LogSettings, MetricsSettings, StopSettings, Variable,
};

fn environment(pairs: &[(&str, &str)]) -> Environment {
    Environment::from_pairs(pairs.iter().copied())
}

/// The value that `read` makes of this text, or the faults.
fn read_one<T>(text: &str, read: impl FnOnce(&mut Environment) -> T) -> Result<T, String> {
    let mut environment = environment(&[("NAME", text)]);
    let value = read(&mut environment);
    environment.finish(value).map_err(|faults| faults.to_string())
}

#[test]
fn unset_and_empty_variables_get_their_defaults() {
    for pairs in [&[][..], &[("PORT", ""), ("RUST_LOG", ""), ("SHUTDOWN_GRACE_SECONDS", "")]] {
        let mut environment = environment(pairs);
        let listen = ListenSettings::read(&mut environment, 8000);
        assert_eq!((listen.bind_address.as_str(), listen.port), ("0.0.0.0", 8000));
        let log = LogSettings::read(&mut environment);
        assert_eq!((log.directives.as_str(), log.format), ("info", LogFormat::Text));
        assert_eq!(MetricsSettings::read(&mut environment).address, None);
        assert_eq!(StopSettings::read(&mut environment).grace, Duration::from_secs(28));
        assert!(environment.finish(()).is_ok());
    }
}

#[test]
fn a_name_in_lower_case_is_another_variable() {
    let mut environment = environment(&[("port", "1"), ("Port", "2")]);
    assert_eq!(ListenSettings::read(&mut environment, 8000).port, 8000);
}

#[test]
fn numbers_must_be_whole_and_in_their_range() {
    for (text, expected) in [
        ("1", Some(1)),
        ("10", Some(10)),
        (" 7 ", Some(7)),
        ("0", None),
        ("11", None),
        ("-1", None),
        ("1.0", None),
        ("1e1", None),
        ("ten", None),
        ("99999999999999999999", None),
    ] {
        let number = read_one(text, |environment| environment.number("NAME", 5, 1..=10, ""));
        assert_eq!(number.as_ref().ok(), expected.as_ref(), "{text:?}");
        if let Err(faults) = number {
            assert!(faults.ends_with("\n  NAME must be a whole number from 1 to 10"), "{faults}");
        }
    }
}

#[test]
fn durations_have_the_unit_of_their_reader() {
    let seconds = read_one("3", |environment| environment.seconds("NAME", 5, 1..=10, ""));
    assert_eq!(seconds, Ok(Duration::from_secs(3)));
    let milliseconds = read_one("3", |environment| environment.milliseconds("NAME", 5, 1..=10, ""));
    assert_eq!(milliseconds, Ok(Duration::from_millis(3)));
}

#[test]
fn flags_are_true_or_false_in_any_case() {
    for (text, expected) in [
        ("true", Some(true)),
        ("TRUE", Some(true)),
        ("1", Some(true)),
        ("False", Some(false)),
        (" 0 ", Some(false)),
        ("yes", None),
        ("2", None),
    ] {
        let flag = read_one(text, |environment| environment.flag("NAME", false, ""));
        assert_eq!(flag.ok(), expected, "{text:?}");
    }
}

#[test]
fn lists_have_at_least_one_name_and_each_once() {
    for (text, expected) in [
        ("a", Ok(vec!["a"])),
        (" a , b,", Ok(vec!["a", "b"])),
        ("a,b,a", Err("NAME names a twice")),
        (" , ", Err("NAME names nothing")),
    ] {
        let names = read_one(text, |environment| environment.names("NAME", "x", "", ""));
        match (names, expected) {
            (Ok(names), Ok(expected)) => assert_eq!(names, expected, "{text:?}"),
            (Err(faults), Err(expected)) => assert!(faults.ends_with(expected), "{faults}"),
            (names, _) => panic!("{text:?}: {names:?}"),
        }
    }
}

#[test]
fn a_required_variable_is_missed_only_if_its_condition_holds() {
    let read = |is_required| {
        let mut environment = environment(&[]);
        let value = environment.required_if(is_required, "NAME", "another is set", "", "");
        environment.finish(value).map_err(|faults| faults.to_string())
    };
    assert_eq!(read(false), Ok(None));
    assert!(read(true).unwrap_err().ends_with("\n  NAME is not set"));
}

#[test]
fn every_fault_is_reported_at_once_and_never_a_value() {
    let mut environment = environment(&[
        ("PORT", "canary"),
        ("LOG_FORMAT", "canary"),
        ("METRICS_ADDRESS", "canary"),
        ("SHUTDOWN_GRACE_SECONDS", "canary"),
    ]);
    ListenSettings::read(&mut environment, 8000);
    LogSettings::read(&mut environment);
    MetricsSettings::read(&mut environment);
    StopSettings::read(&mut environment);
    insta::assert_snapshot!(environment.finish(()).unwrap_err(), @r"
    The settings in the environment are not right:
      PORT must be a whole number from 0 to 65535
      LOG_FORMAT must be text or json
      METRICS_ADDRESS must be an IP address and a port, such as 0.0.0.0:9090
      SHUTDOWN_GRACE_SECONDS must be a whole number from 1 to 3600
    ");
}

#[test]
fn a_value_that_is_not_utf8_is_a_fault_only_if_it_is_read() {
    let not_utf8 = || OsString::from(OsStr::from_bytes(b"canary \xff"));
    let pairs = || [("RUST_LOG", not_utf8()), ("OF_ANOTHER_PROGRAM", not_utf8())];
    let mut environment = Environment::from_pairs(pairs());
    ListenSettings::read(&mut environment, 8000);
    assert!(environment.finish(()).is_ok());

    let mut environment = Environment::from_pairs(pairs());
    LogSettings::read(&mut environment);
    let faults = environment.finish(()).unwrap_err().to_string();
    assert_eq!(faults, "The settings in the environment are not right:\n  RUST_LOG is not UTF-8");
}

#[test]
fn the_reference_has_a_row_for_every_variable_that_was_read() {
    let mut environment = environment(&[("LIMIT", "4096")]);
    environment.bytes("LIMIT", 3 << 20, 1..=1 << 30, "The limit.");
    environment.seconds("WAIT", 5, 1..=60, "The wait.");
    environment.seconds("WAIT", 5, 1..=60, "A second read adds no row.");
    environment.flag("CREATE", true, "Whether to create.");
    environment.text("PREFIX", "", "letters", "The prefix.");
    environment.required_if(false, "KEY", "`CREATE` is on", "a secret", "The key.");
    environment.declare(Variable::new("OLD", "none", "any text", "Not used."));
    let names: Vec<_> = environment.known().iter().map(|known| known.name.as_str()).collect();
    assert_eq!(names, ["LIMIT", "WAIT", "CREATE", "PREFIX", "KEY", "OLD"]);
    insta::assert_snapshot!(environment.reference(), @r"
    | variable | values | default | meaning |
    |---|---|---|---|
    | `LIMIT` | 1 to 1073741824 bytes (1 GiB) | `3145728` (3 MiB) | The limit. |
    | `WAIT` | 1 to 60 s | `5` | The wait. |
    | `CREATE` | `true` or `false` | `true` | Whether to create. |
    | `PREFIX` | letters | (empty) | The prefix. |
    | `KEY` | a secret | required if `CREATE` is on | The key. |
    | `OLD` | any text | none | Not used. |
    ");
}
