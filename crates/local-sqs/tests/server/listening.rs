use std::{net::TcpStream, process::Command};

use test_kit::Service;

#[test]
fn without_a_setting_only_this_machine_reaches_the_server() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local-sqs"));
    command.env_clear().env("PORT", "0");
    let server = Service::spawn("local-sqs", &mut command);
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_ok());
    // A server that listens on all addresses answers on every address of this machine.
    assert!(TcpStream::connect(("127.0.0.2", server.port())).is_err());
}

#[test]
fn with_a_setting_it_listens_on_all_addresses() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_local-sqs"));
    command.env_clear().envs([("PORT", "0"), ("BIND_ADDRESS", "0.0.0.0")]);
    let server = Service::spawn("local-sqs", &mut command);
    assert!(TcpStream::connect(("127.0.0.2", server.port())).is_ok());
}
