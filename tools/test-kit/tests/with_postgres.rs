//! The program with-postgres, as `make test` runs it.
#![expect(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::{
    io::{BufRead, BufReader},
    net::TcpStream,
    process::{Command, Stdio},
};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use test_kit::signals;

fn with_postgres() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_with-postgres"));
    command.stdin(Stdio::null());
    command
}

fn port(url: &str) -> u16 {
    url.trim().rsplit([':', '/']).nth(1).unwrap().parse().unwrap()
}

#[test]
fn the_command_finds_a_server_and_its_exit_code_is_ours() {
    let output = with_postgres()
        .args(["--", "sh", "-c", "echo $TEST_POSTGRES_URL; exit 7"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(7));
    let url = String::from_utf8(output.stdout).unwrap();
    assert!(url.starts_with("postgres://postgres:"), "{url}");
    assert!(TcpStream::connect(("127.0.0.1", port(&url))).is_err(), "the server is gone");
}

#[test]
fn a_signal_ends_the_command_and_the_server() {
    for (signal, code) in [(SIGTERM, 143), (SIGINT, 130), (SIGHUP, 129)] {
        let mut child = with_postgres()
            .args(["sh", "-c", "echo $TEST_POSTGRES_URL; exec sleep 600"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        let address = ("127.0.0.1", port(&url));
        assert!(TcpStream::connect(address).is_ok());
        signals::send(child.id(), signal).unwrap();
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
        assert!(TcpStream::connect(address).is_err(), "{signal}");
    }
}

#[test]
fn an_unknown_command_exits_with_127_and_no_command_with_2() {
    assert_eq!(with_postgres().arg("/nonexistent").output().unwrap().status.code(), Some(127));
    assert_eq!(with_postgres().output().unwrap().status.code(), Some(2));
}
