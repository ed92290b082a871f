//! Runs that the program refuses: its messages, and that it changes no file.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt, fs::symlink, net::UnixListener},
};

use insta::assert_snapshot;

use crate::sandbox::{POSTGRES, Sandbox, TWO_AND_TWO};

#[test]
fn unset_or_empty_required_variables_are_listed_once_and_without_prefix() {
    let sandbox = Sandbox::with(&[("env.json", TWO_AND_TWO), ("env-postgres.json", POSTGRES)]);
    let run = sandbox.run(&["env.json", "env-postgres.json"], &[("P_B", "")]);
    assert_snapshot!(run.failed(1), @r"
    Required host environment variables are not set: 
    B
    A
    DB
    ");
    assert_eq!(sandbox.files(), ["env-postgres.json", "env.json"]);
}

#[test]
fn the_message_about_missing_variables_is_exactly_the_one_that_scripts_rely_on() {
    let sandbox = Sandbox::with(&[("env.json", TWO_AND_TWO)]);
    let run = sandbox.run(&["env.json"], &[]);
    assert_eq!(run.failed(1), "Required host environment variables are not set: \nB\nA\n");
}

#[test]
fn a_fault_in_the_last_file_leaves_the_first_unchanged() {
    let sandbox = Sandbox::with(&[
        ("env.json", TWO_AND_TWO),
        ("env-postgres.json", POSTGRES),
        (".env", "OLD=1\n"),
    ]);
    let run = sandbox
        .run(&["env.json", "env-postgres.json"], &[("P_A", "secret-a"), ("P_B", "secret-b")]);
    assert_snapshot!(run.failed(1), @r"
    Required host environment variables are not set: 
    DB
    ");
    assert_eq!(sandbox.read(".env"), "OLD=1\n");
    assert_eq!(sandbox.files(), [".env", "env-postgres.json", "env.json"]);
}

#[test]
fn all_faults_of_all_files_are_reported_together_and_no_value_is_shown() {
    let sandbox = Sandbox::with(&[
        (
            "bad.json",
            r#"{"host_env_var_prefix":"P","file_path":"nowhere/.env",
                "env_vars":{"required":["A","UI-SECRET","A","LONE"],"optional":["B","A"]}}"#,
        ),
        ("broken.json", "{\n  \"file_path\": .env\n}"),
        (
            "prefix.json",
            r#"{"host_env_var_prefix":"","file_path":".env",
                "env_vars":{"required":["A",""],"optional":[]}}"#,
        ),
        ("env-postgres.json", POSTGRES),
    ]);
    let run = sandbox.run(
        &["bad.json", "broken.json", "absent.json", "prefix.json", "env-postgres.json"],
        &[("P_A", "hush\nhush"), ("P_B", "hush\rhush")],
    );
    let stderr = run.failed(1);
    assert!(!stderr.contains("hush"), "a value is shown");
    assert_snapshot!(stderr, @r#"
    bad.json: the value of P_A contains a line break
    bad.json: variable name "UI-SECRET" does not match [A-Za-z_][A-Za-z0-9_]*
    bad.json: variable A is listed twice
    bad.json: the value of P_B contains a line break
    bad.json: file_path "nowhere/.env" cannot be written: No such file or directory (os error 2)
    broken.json: expected value at line 2 column 16
    absent.json: cannot be read: No such file or directory (os error 2)
    prefix.json: host_env_var_prefix "" does not match [A-Za-z_][A-Za-z0-9_]*
    prefix.json: variable name "" does not match [A-Za-z_][A-Za-z0-9_]*
    env-postgres.json: the value of P_A contains a line break
    Required host environment variables are not set: 
    LONE
    DB
    "#);
    assert!(sandbox.files().iter().all(|file| file.ends_with(".json")), "{:?}", sandbox.files());
}

#[test]
fn a_value_that_is_not_one_line_of_utf8_is_refused_and_its_variable_named() {
    for (value, reason) in [
        (&b"hush\nX=1"[..], "contains a line break"),
        (b"hush\n", "contains a line break"),
        (b"\rhush", "contains a line break"),
        (b"hush\xff", "is not UTF-8"),
    ] {
        for variable in ["P_B", "P_C"] {
            let sandbox = Sandbox::with(&[("env.json", TWO_AND_TWO)]);
            let host = [
                ("P_A", OsStr::new("a")),
                ("P_B", OsStr::new("b")),
                (variable, OsStr::from_bytes(value)),
            ];
            let run = sandbox.run_with_bytes(&["env.json"], &host);
            let expected = format!("env.json: the value of {variable} {reason}\n");
            assert_eq!(run.failed(1), expected, "{value:?}");
            assert_eq!(sandbox.files(), ["env.json"]);
        }
    }
}

#[test]
fn a_bad_json_file_is_refused_with_line_and_column() {
    let mut seen = String::new();
    for json in [
        "",
        "{\n  \"host_env_var_prefix\": \"P\",\n}",
        "[1]",
        r#"{"host_env_var_prefix":"P","file_path":".env","env_vars":{"required":[]}}"#,
        r#"{"host_env_var_prefix":"P","file_path":".env","env_vars":{"required":[],"optional":[],"optionall":["A"]}}"#,
        r#"{"host_env_var_prefix":"P","file_path":".env","env_vars":{"required":[],"optional":[]},"mode":384}"#,
        r#"{"host_env_var_prefix":"P","file_path":".env","file_path":"b","env_vars":{"required":[],"optional":[]}}"#,
        "{\"host_env_var_prefix\":\"P\",\"file_path\":\".env\",\n\"env_vars\":{\"required\":[1],\"optional\":[]}}",
        r#"{"host_env_var_prefix":"P","file_path":".env","env_vars":{"required":[],"optional":[]}} {}"#,
    ] {
        let sandbox = Sandbox::with(&[("env.json", json)]);
        seen.push_str(&sandbox.run(&["env.json"], &[]).failed(1));
        assert_eq!(sandbox.files(), ["env.json"]);
    }
    assert_snapshot!(seen, @r"
    env.json: EOF while parsing a value at line 1 column 0
    env.json: trailing comma at line 3 column 1
    env.json: invalid type: integer `1`, expected a string at line 1 column 2
    env.json: missing field `optional` at line 1 column 72
    env.json: unknown field `optionall`, expected `required` or `optional` at line 1 column 97
    env.json: unknown field `mode`, expected one of `host_env_var_prefix`, `file_path`, `env_vars` at line 1 column 93
    env.json: duplicate field `file_path` at line 1 column 57
    env.json: invalid type: integer `1`, expected a string at line 2 column 25
    env.json: trailing characters at line 1 column 89
    ");
}

#[test]
fn a_file_path_that_cannot_be_written_is_refused_by_name() {
    let mut seen = String::new();
    for file_path in [
        "",
        ".",
        "..",
        "nowhere/.env",
        "directory",
        "directory/",
        "dangling",
        "env.json/x",
        "socket",
        "new/",
        "new/.",
    ] {
        let json = format!(
            r#"{{"host_env_var_prefix":"P","file_path":"{file_path}","env_vars":{{"required":[],"optional":[]}}}}"#
        );
        let sandbox = Sandbox::with(&[("env.json", &json), ("directory/keep", "")]);
        symlink("gone", sandbox.path("dangling")).unwrap();
        // Stands for files such as /dev/null, which a failing test run by root would destroy.
        let _socket = UnixListener::bind(sandbox.path("socket")).unwrap();
        seen.push_str(&sandbox.run(&["env.json"], &[]).failed(1));
        assert_eq!(sandbox.files(), ["dangling", "directory", "env.json", "socket"], "{file_path}");
    }
    assert_snapshot!(seen, @r#"
    env.json: file_path "" cannot be written: it is not the name of a file
    env.json: file_path "." cannot be written: it exists, but is not a regular file
    env.json: file_path ".." cannot be written: it exists, but is not a regular file
    env.json: file_path "nowhere/.env" cannot be written: No such file or directory (os error 2)
    env.json: file_path "directory" cannot be written: it exists, but is not a regular file
    env.json: file_path "directory/" cannot be written: it exists, but is not a regular file
    env.json: file_path "dangling" cannot be written: it is a symbolic link to a file that does not exist
    env.json: file_path "env.json/x" cannot be written: Not a directory (os error 20)
    env.json: file_path "socket" cannot be written: it exists, but is not a regular file
    env.json: file_path "new/" cannot be written: it is not the name of a file
    env.json: file_path "new/." cannot be written: it is not the name of a file
    "#);
}

#[test]
fn two_files_for_the_same_path_are_refused_in_any_spelling() {
    for (there_before, spelling) in [
        (false, ".env"),
        (false, "./.env"),
        (false, "conf/../.env"),
        (true, ".env"),
        (true, "link"),
    ] {
        let other = POSTGRES.replace(".env-postgres", spelling);
        let sandbox = Sandbox::with(&[("env.json", TWO_AND_TWO), ("conf/b.json", &other)]);
        if there_before {
            fs::write(sandbox.path(".env"), "OLD=1\n").unwrap();
            symlink(".env", sandbox.path("link")).unwrap();
        }
        let run =
            sandbox.run(&["env.json", "conf/b.json"], &[("P_A", "a"), ("P_B", "b"), ("P_DB", "d")]);
        assert_eq!(
            run.failed(1),
            "conf/b.json: file_path is the same file as in env.json\n",
            "{spelling}"
        );
        assert_eq!(sandbox.path(".env").exists(), there_before, "{spelling}");
    }
}
