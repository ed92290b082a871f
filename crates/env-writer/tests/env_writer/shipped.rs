//! The `env.json` and `env-postgres.json` of this project.

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;

use crate::sandbox::Sandbox;

const ENV: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../env.json");
const ENV_POSTGRES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../env-postgres.json");

#[test]
fn the_shipped_files_name_the_variables_they_need() {
    let run = Sandbox::with(&[]).run(&[ENV, ENV_POSTGRES], &[]);
    assert_snapshot!(run.failed(1), @r"
    Required host environment variables are not set: 
    DATABASE_URL
    AWS_ACCESS_KEY_ID
    AWS_SECRET_ACCESS_KEY
    POSTGRES_USER
    POSTGRES_PASSWORD
    POSTGRES_DB
    ");
}

#[test]
fn the_required_variables_are_enough_to_write_both_files() {
    let sandbox = Sandbox::with(&[]);
    let host = [
        ("DIRECTORY_FORM_DATA_DATABASE_URL", "2"),
        ("DIRECTORY_FORM_DATA_AWS_ACCESS_KEY_ID", "3"),
        ("DIRECTORY_FORM_DATA_AWS_SECRET_ACCESS_KEY", "4"),
        ("DIRECTORY_FORM_DATA_POSTGRES_USER", "5"),
        ("DIRECTORY_FORM_DATA_POSTGRES_PASSWORD", "6"),
        ("DIRECTORY_FORM_DATA_POSTGRES_DB", "7"),
    ];
    sandbox.run(&[ENV, ENV_POSTGRES], &host).succeeded();
    assert_snapshot!(sandbox.read(".env"), @r"
    DATABASE_URL=2
    AWS_ACCESS_KEY_ID=3
    AWS_SECRET_ACCESS_KEY=4
    ");
    assert_snapshot!(sandbox.read(".env-postgres"), @r"
    POSTGRES_USER=5
    POSTGRES_PASSWORD=6
    POSTGRES_DB=7
    ");
}

#[test]
fn every_optional_variable_of_the_shipped_file_is_passed_on() {
    let json: Value = serde_json::from_slice(&fs::read(ENV).unwrap()).unwrap();
    let names = |list: &str| -> Vec<String> {
        serde_json::from_value(json["env_vars"][list].clone()).unwrap()
    };
    let all = [names("required"), names("optional")].concat();
    let all: Vec<String> = all.iter().map(|name| name.replace('*', "EVENT_BOOKING")).collect();
    let host: Vec<(String, &str)> =
        all.iter().map(|name| (format!("DIRECTORY_FORM_DATA_{name}"), "x")).collect();
    let host: Vec<(&str, &str)> =
        host.iter().map(|(name, value)| (name.as_str(), *value)).collect();

    let sandbox = Sandbox::with(&[]);
    sandbox.run(&[ENV], &host).succeeded();
    let expected: String = all.iter().map(|name| format!("{name}=x\n")).collect();
    assert_eq!(sandbox.read(".env"), expected);
    // SQS_REGION_NAME sets the region; a second variable could only contradict it.
    assert!(!all.contains(&"AWS_REGION".to_owned()));
}
