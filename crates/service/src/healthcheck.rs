//! The health check for an image without a shell: the program asks its own running service.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result, ensure};

use crate::settings::{Environment, ListenSettings};

/// For each of connecting, writing and reading; the checks behind `/healthcheck/ready/` may take 3 s.
const TIMEOUT: Duration = Duration::from_secs(4);
/// Bytes; the rest of a longer answer is not read.
const ANSWER_LIMIT: u64 = 16 << 10;

/// Requests the page at `path` from the service that runs with the same environment, and prints it to standard output.
/// `port` is the service's default. The exit status is 0 if the answer is 200, else 1.
pub fn ask(port: u16, path: &str) -> ExitCode {
    match ask_service(port, path) {
        Ok((is_ok, body)) => {
            let _ = writeln!(io::stdout(), "{body}");
            if is_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn ask_service(port: u16, path: &str) -> Result<(bool, String)> {
    let mut environment = Environment::of_process();
    let listen = ListenSettings::read(&mut environment, port);
    let listen = environment.finish(listen)?;
    get(&listen, path).with_context(|| format!("{}:{}{path}", listen.bind_address, listen.port))
}

/// Whether the answer is 200, and its body.
fn get(listen: &ListenSettings, path: &str) -> Result<(bool, String)> {
    ensure!(listen.port != 0, "PORT is 0: only the service knows which port it took");
    let address = listen.addresses()?.next().context("BIND_ADDRESS has no address")?;
    let mut connection = TcpStream::connect_timeout(&reachable(address), TIMEOUT)?;
    connection.set_read_timeout(Some(TIMEOUT))?;
    connection.set_write_timeout(Some(TIMEOUT))?;
    write!(connection, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.take(ANSWER_LIMIT).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    Ok((head.starts_with("HTTP/1.1 200 "), body.to_owned()))
}

/// The address to connect to: loopback for a service that listens on all addresses.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use std::{
        io::BufRead,
        io::BufReader,
        net::{TcpListener, ToSocketAddrs},
        thread,
    };

    use super::*;

    /// Answers one request with this text, and returns the first line of the request.
    fn serve(address: &str, answer: &'static str) -> (u16, thread::JoinHandle<String>) {
        let listener = TcpListener::bind(address).unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = thread::spawn(move || {
            let mut connection = BufReader::new(listener.accept().unwrap().0);
            let lines: Vec<String> = connection
                .by_ref()
                .lines()
                .map(Result::unwrap)
                .take_while(|line| !line.is_empty())
                .collect();
            connection.get_mut().write_all(answer.as_bytes()).unwrap();
            lines.first().unwrap().clone()
        });
        (port, served)
    }

    fn listen(bind_address: &str, port: u16) -> ListenSettings {
        ListenSettings { bind_address: bind_address.to_owned(), port }
    }

    #[test]
    fn the_request_goes_to_the_address_the_service_listens_on() {
        for (bound, asked) in [
            ("127.0.0.1:0", "0.0.0.0"),
            ("127.0.0.1:0", "127.0.0.1"),
            ("127.0.0.1:0", "localhost"),
            ("127.0.0.2:0", "127.0.0.2"),
        ] {
            let (port, served) = serve(bound, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
            assert_eq!(
                get(&listen(asked, port), "/a/").unwrap(),
                (true, "{}".to_owned()),
                "{asked}"
            );
            assert_eq!(served.join().unwrap(), "GET /a/ HTTP/1.1", "{asked}");
        }
    }

    #[test]
    fn a_service_on_all_ipv6_addresses_is_asked_on_loopback() {
        for address in ["::", "[::]"] {
            let found = format!("{address}:8000").to_socket_addrs().unwrap().next().unwrap();
            assert_eq!(reachable(found), "[::1]:8000".parse().unwrap(), "{address}");
        }
    }

    #[test]
    fn every_answer_except_200_counts_as_unhealthy() {
        for answer in [
            "HTTP/1.1 503 Service Unavailable\r\n\r\n{}",
            "HTTP/1.1 404 Not Found\r\n\r\n{}",
            "SSH-2.0\r\n\r\n{}",
        ] {
            let (port, served) = serve("127.0.0.1:0", answer);
            assert_eq!(
                get(&listen("127.0.0.1", port), "/").unwrap(),
                (false, "{}".to_owned()),
                "{answer}"
            );
            served.join().unwrap();
        }
    }

    #[test]
    fn a_service_that_cannot_be_reached_counts_as_unhealthy() {
        // Free, because the test just took it and gave it back.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert!(get(&listen("127.0.0.1", port), "/").is_err());
        assert!(get(&listen("0.0.0.0", 0), "/").unwrap_err().to_string().starts_with("PORT is 0"));
    }
}
