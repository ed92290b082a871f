//! The content of the files, and how they are replaced.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
};

use insta::assert_snapshot;

use crate::sandbox::{POSTGRES, Sandbox, TWO_AND_TWO};

#[test]
fn lines_are_in_the_order_of_the_json_file_with_required_ones_first() {
    let sandbox = Sandbox::with(&[("env.json", TWO_AND_TWO)]);
    let run = sandbox.run(
        &["env.json"],
        &[("P_A", "a"), ("P_B", "b"), ("P_C", "c"), ("P_D", "d"), ("E", "e"), ("A", "other")],
    );
    run.succeeded();
    assert_snapshot!(sandbox.read(".env"), @r"
    B=b
    A=a
    D=d
    C=c
    ");
}

#[test]
fn unset_or_empty_optional_variables_are_left_out() {
    let sandbox = Sandbox::with(&[("env.json", TWO_AND_TWO)]);
    sandbox.run(&["env.json"], &[("P_A", "a"), ("P_B", "b"), ("P_C", "")]).succeeded();
    assert_snapshot!(sandbox.read(".env"), @r"
    B=b
    A=a
    ");
}

#[test]
fn a_pattern_writes_every_matching_host_variable_that_has_no_entry_of_its_own() {
    let json = r#"{"host_env_var_prefix":"P","file_path":".env",
        "env_vars":{"required":["Q_A_NAME"],"optional":["Q_*_NAME","Q_B_NAME"]}}"#;
    let sandbox = Sandbox::with(&[("env.json", json)]);
    let host = [
        ("P_Q_A_NAME", "a"),
        ("P_Q_B_NAME", "b"),
        ("P_Q_D_NAME", "d"),
        ("P_Q_C_NAME", "c"),
        ("P_Q_E_NAME", ""),
        ("Q_F_NAME", "f"),
    ];
    sandbox.run(&["env.json"], &host).succeeded();
    assert_snapshot!(sandbox.read(".env"), @r"
    Q_A_NAME=a
    Q_B_NAME=b
    Q_C_NAME=c
    Q_D_NAME=d
    ");
}

#[test]
fn a_warning_names_each_host_variable_with_the_prefix_that_no_file_lists() {
    let sandbox = Sandbox::with(&[("env.json", TWO_AND_TWO), ("env-postgres.json", POSTGRES)]);
    let host = [
        ("P_A", "a"),
        ("P_B", "b"),
        ("P_DB", "db"),
        ("P_AA", "hush"),
        ("P_a", "hush"),
        ("PA", "x"),
        ("P_C", ""),
        ("P_E", ""),
    ];
    let run = sandbox.run(&["env.json", "env-postgres.json"], &host);
    assert_eq!((run.code, run.stdout.as_str()), (Some(0), ""));
    assert_snapshot!(run.stderr, @r"
    P_AA is set, but no JSON file lists it.
    P_a is set, but no JSON file lists it.
    ");
    assert_eq!(sandbox.files(), [".env", ".env-postgres", "env-postgres.json", "env.json"]);
}

#[test]
fn values_are_written_unchanged() {
    let sandbox = Sandbox::with(&[("env.json", TWO_AND_TWO)]);
    let odd = [
        ("P_A", r#" "quoted" 'both' \n $HOME ${X} $$ # hash "#),
        ("P_B", "postgres://u:p=@h/d?sslmode=require&a=b"),
        ("P_C", "\tträger 日本\u{2028}"),
        ("P_D", "="),
    ];
    sandbox.run(&["env.json"], &odd).succeeded();
    let expected = format!("B={}\nA={}\nD={}\nC={}\n", odd[1].1, odd[0].1, odd[3].1, odd[2].1);
    assert_eq!(sandbox.read(".env"), expected);
}

#[test]
fn a_file_without_any_variable_set_is_written_empty() {
    let json = r#"{"host_env_var_prefix":"P","file_path":".env","env_vars":{"required":[],"optional":["A"]}}"#;
    let sandbox = Sandbox::with(&[("env.json", json)]);
    sandbox.run(&["env.json"], &[]).succeeded();
    assert_eq!(sandbox.read(".env"), "");
}

#[test]
fn one_run_writes_every_file() {
    let sandbox = Sandbox::with(&[("env.json", TWO_AND_TWO), ("env-postgres.json", POSTGRES)]);
    sandbox
        .run(&["env.json", "env-postgres.json"], &[("P_A", "a"), ("P_B", "b"), ("P_DB", "db")])
        .succeeded();
    assert_eq!(sandbox.read(".env"), "B=b\nA=a\n");
    assert_eq!(sandbox.read(".env-postgres"), "A=a\nDB=db\n");
    assert_eq!(sandbox.files(), [".env", ".env-postgres", "env-postgres.json", "env.json"]);
}

#[test]
fn file_path_is_relative_to_the_current_directory_and_not_to_the_json_file() {
    let sandbox = Sandbox::with(&[("conf/env.json", TWO_AND_TWO)]);
    sandbox.run(&["conf/env.json"], &[("P_A", "a"), ("P_B", "b")]).succeeded();
    assert_eq!(sandbox.read(".env"), "B=b\nA=a\n");
}

#[test]
fn an_old_file_is_replaced_in_one_step_and_only_its_owner_can_read_the_new_one() {
    let sandbox = Sandbox::with(&[("env.json", TWO_AND_TWO), (".env", "OLD=1\n")]);
    let target = sandbox.path(".env");
    fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).unwrap();
    // The hard link keeps the old file, which would change if the program wrote in place.
    fs::hard_link(&target, sandbox.path("old")).unwrap();

    sandbox.run(&["env.json"], &[("P_A", "a"), ("P_B", "b")]).succeeded();

    assert_eq!(sandbox.read(".env"), "B=b\nA=a\n");
    assert_eq!(sandbox.read("old"), "OLD=1\n");
    assert_eq!(fs::metadata(&target).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(sandbox.files(), [".env", "env.json", "old"]);
}

#[test]
fn a_symbolic_link_is_followed_and_kept() {
    let sandbox = Sandbox::with(&[("env.json", TWO_AND_TWO), ("elsewhere/real", "OLD=1\n")]);
    symlink("elsewhere/real", sandbox.path(".env")).unwrap();
    sandbox.run(&["env.json"], &[("P_A", "a"), ("P_B", "b")]).succeeded();
    assert!(sandbox.path(".env").is_symlink());
    assert_eq!(sandbox.read("elsewhere/real"), "B=b\nA=a\n");
}
