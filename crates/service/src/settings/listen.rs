//! Where a service listens.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs},
    vec,
};

use super::environment::Environment;

/// Where a service listens.
#[derive(Clone, Debug)]
pub struct ListenSettings {
    /// An IP address without brackets, or a host name.
    pub bind_address: String,
    /// 0 takes any free port.
    pub port: u16,
}

impl ListenSettings {
    /// Reads the variables; `port` is the service's default.
    pub fn read(environment: &mut Environment, port: u16) -> Self {
        Self::read_with(environment, "0.0.0.0", port)
    }

    /// [`ListenSettings::read`] with a default for the address, too.
    pub fn read_with(environment: &mut Environment, bind_address: &str, port: u16) -> Self {
        let address = environment.checked(
            "BIND_ADDRESS",
            bind_address,
            "an IP address or a host name",
            |text| is_host(without_brackets(text)),
            "The address the service listens on.",
        );
        Self {
            bind_address: without_brackets(&address).to_owned(),
            port: environment.number(
                "PORT",
                port,
                0..=u16::MAX,
                "The port the service listens on; 0 takes any free port.",
            ),
        }
    }
}

impl ListenSettings {
    /// The addresses to listen on.
    ///
    /// # Errors
    /// The host name has none.
    pub fn addresses(&self) -> io::Result<vec::IntoIter<SocketAddr>> {
        (self.bind_address.as_str(), self.port).to_socket_addrs()
    }

    /// Warns if this machine has no such address. Not for a service that starts: it listens, or
    /// says why it cannot.
    pub fn warn(&self) {
        let bound = TcpListener::bind((self.bind_address.as_str(), 0));
        if let Err(error) = bound {
            log::warn!(error:% = error; "This machine cannot listen on BIND_ADDRESS.");
        }
    }
}

/// An IPv6 address may have them, as in a URL; not a host name.
fn without_brackets(text: &str) -> &str {
    let inside = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    inside.filter(|text| text.contains(':')).unwrap_or(text)
}

/// Whether this can be an IP address or the name of a host.
fn is_host(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let mut labels = text.strip_suffix('.').unwrap_or(text).split('.');
    // Of digits alone, the last label would be that of an IPv4 address.
    let is_name = text.len() <= 253
        && labels.clone().all(is_label)
        && labels.next_back().is_some_and(|last| last.bytes().any(|byte| !byte.is_ascii_digit()));
    text.parse::<IpAddr>().is_ok() || is_name
}
