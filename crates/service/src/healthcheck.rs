//! A service asked for its health by its own program: an image without a shell has nothing else to ask with.

use std::{
    io::{self, Read, Write},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs},
    process::ExitCode,
    time::Duration,
};

use crate::settings::{Environment, ListenSettings};

/// For each of connecting, writing and reading; the checks behind `/healthcheck/ready/` may take 3 s.
const PATIENCE: Duration = Duration::from_secs(4);
/// Bytes of an answer that are read at the most.
const ANSWER_LIMIT: u64 = 16 << 10;

/// Asks the service that runs with this very environment for the page at `path`; `port` is its default one.
/// 0 when the page says 200, and 1 when it does not, or cannot be had. What it says goes to standard output.
pub fn ask(port: u16, path: &str) -> ExitCode {
    let mut environment = Environment::of_process();
    let listen = ListenSettings::read(&mut environment, port);
    let answer = match environment.finish(listen) {
        Ok(listen) => page(&listen, path)
            .map_err(|error| format!("{}:{}{path}: {error}", listen.bind_address, listen.port)),
        Err(faults) => Err(faults.to_string()),
    };
    match answer {
        Ok((is_ok, body)) => {
            let _ = writeln!(io::stdout(), "{body}");
            if is_ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Whether it is 200, and its body.
fn page(listen: &ListenSettings, path: &str) -> io::Result<(bool, String)> {
    if listen.port == 0 {
        return Err(io::Error::other("PORT is 0: which one was taken is not known here"));
    }
    // Put together as the services do it, so that all that they can listen on is understood here.
    let address = format!("{}:{}", listen.bind_address, listen.port);
    let address = address
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| io::Error::other("BIND_ADDRESS has no address"))?;
    let mut connection = TcpStream::connect_timeout(&reachable(address), PATIENCE)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    write!(connection, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    connection.take(ANSWER_LIMIT).read_to_string(&mut answer)?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    Ok((head.starts_with("HTTP/1.1 200 "), body.to_owned()))
}

/// A service that listens on all addresses is asked on loopback.
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
    use std::{io::BufRead, io::BufReader, net::TcpListener, thread};

    use super::*;

    /// Answers one request with this text; the request's first line.
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
    fn a_page_is_asked_for_where_the_service_listens() {
        for (bound, asked) in [
            ("127.0.0.1:0", "0.0.0.0"),
            ("127.0.0.1:0", "127.0.0.1"),
            ("127.0.0.1:0", "localhost"),
            ("127.0.0.2:0", "127.0.0.2"),
        ] {
            let (port, served) = serve(bound, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
            assert_eq!(
                page(&listen(asked, port), "/a/").unwrap(),
                (true, "{}".to_owned()),
                "{asked}"
            );
            assert_eq!(served.join().unwrap(), "GET /a/ HTTP/1.1", "{asked}");
        }
    }

    #[test]
    fn every_ipv6_address_is_asked_on_loopback_too() {
        for address in ["::", "[::]"] {
            let found = format!("{address}:8000").to_socket_addrs().unwrap().next().unwrap();
            assert_eq!(reachable(found), "[::1]:8000".parse().unwrap(), "{address}");
        }
    }

    #[test]
    fn anything_but_200_is_not_well() {
        for answer in [
            "HTTP/1.1 503 Service Unavailable\r\n\r\n{}",
            "HTTP/1.1 404 Not Found\r\n\r\n{}",
            "SSH-2.0\r\n\r\n{}",
        ] {
            let (port, served) = serve("127.0.0.1:0", answer);
            assert_eq!(
                page(&listen("127.0.0.1", port), "/").unwrap(),
                (false, "{}".to_owned()),
                "{answer}"
            );
            served.join().unwrap();
        }
    }

    #[test]
    fn a_service_that_cannot_be_asked_is_not_well() {
        // Free a moment ago, and nobody else's: taken and given back.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        assert!(page(&listen("127.0.0.1", port), "/").is_err());
        assert!(page(&listen("0.0.0.0", 0), "/").unwrap_err().to_string().starts_with("PORT is 0"));
    }
}
