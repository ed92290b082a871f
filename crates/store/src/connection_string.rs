//! Reads the database URL as libpq would, and adds timeouts to it.
//!
//! If libpq cannot read a connection string, its error message quotes the string, including the
//! password. So this module reads the string first, and passes it to libpq as `key='value'` pairs
//! with known keys only.

mod keywords;
mod options;
mod pairs;
mod uri;

use std::{net::IpAddr, time::Duration};

use secrecy::{ExposeSecret, SecretString};

use crate::{InvalidSettings, StoreSettings, old_workers::APPLICATION_NAME};

type Parameters = Vec<(String, String)>;

#[derive(Clone, Debug)]
pub(crate) struct ConnectionString {
    text: SecretString,
    statement_timeout: Option<Duration>,
}

impl ConnectionString {
    /// Takes every parameter of the URL, and the settings for all others.
    pub(crate) fn build(settings: &StoreSettings) -> Result<Self, InvalidSettings> {
        let mut parameters =
            read(settings.database_url.expose_secret()).map_err(InvalidSettings::Url)?;
        let mut statement_timeout = None;
        for (_, value) in parameters.iter_mut().filter(|(key, _)| key == "options") {
            statement_timeout = options::statement_timeout(value).map_err(InvalidSettings::Url)?;
            // The store sets it in each transaction, and PgBouncer takes no options.
            if settings.transaction_pooling {
                *value = options::without_statement_timeout(value);
            }
        }
        parameters.retain(|(key, value)| key != "options" || !value.is_empty());

        let defaults = [
            ("connect_timeout", whole_seconds(settings.connect_timeout)),
            ("tcp_user_timeout", settings.tcp_user_timeout.as_millis().to_string()),
            // tcp_user_timeout covers data we have sent. Keepalives notice a server that died while
            // we wait for its answer.
            ("keepalives_idle", "5".to_owned()),
            ("keepalives_interval", "3".to_owned()),
            ("keepalives_count", "3".to_owned()),
            ("fallback_application_name", APPLICATION_NAME.to_owned()),
        ];
        for (key, value) in defaults {
            if !parameters.iter().any(|(set, _)| set == key) {
                parameters.push((key.to_owned(), value));
            }
        }

        let pairs: Vec<String> = parameters
            .iter()
            .map(|(key, value)| {
                format!("{key}='{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
            })
            .collect();
        Ok(Self { text: pairs.join(" ").into(), statement_timeout })
    }

    pub(crate) fn as_secret(&self) -> &SecretString {
        &self.text
    }

    /// The `statement_timeout` in `options`, unless it is "no limit".
    pub(crate) fn statement_timeout(&self) -> Option<Duration> {
        self.statement_timeout.filter(|timeout| timeout.as_millis() > 0)
    }
}

/// Whether the URL names a host that is not this machine, and no `sslmode`. A `service` may have
/// one.
pub(crate) fn is_remote_without_sslmode(url: &str) -> bool {
    let Ok(parameters) = read(url) else { return false };
    let is_set = |name| parameters.iter().any(|(key, value)| key == name && !value.is_empty());
    let is_remote = parameters
        .iter()
        .filter(|(key, _)| key == "host" || key == "hostaddr")
        .flat_map(|(_, hosts)| hosts.split(','))
        .any(|host| !is_this_machine(host));
    is_remote && !is_set("sslmode") && !is_set("service")
}

/// A host that is empty, or begins with `/` or `@`, is a Unix socket.
fn is_this_machine(host: &str) -> bool {
    host.is_empty()
        || host.starts_with(['/', '@'])
        || host == "localhost"
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn whole_seconds(duration: Duration) -> String {
    duration.as_millis().div_ceil(1000).to_string()
}

fn read(text: &str) -> Result<Parameters, &'static str> {
    if text.contains('\0') {
        return Err("contains a NUL");
    }
    let after_scheme =
        text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://"));
    let parameters = match after_scheme {
        Some(rest) => uri::read(rest)?,
        None if text.trim().is_empty() => return Err("is empty"),
        None => pairs::read(text)?,
    };
    for (key, value) in &parameters {
        if !keywords::KNOWN.contains(&key.as_str()) {
            return Err("has a parameter that libpq does not know");
        }
        let is_right = match key.as_str() {
            "port" => value
                .split(',')
                .all(|port| port.is_empty() || port.parse::<u16>().is_ok_and(|port| port > 0)),
            "host" => !value.contains(char::is_whitespace),
            key if keywords::NUMBERS.contains(&key) => value.parse::<i32>().is_ok(),
            key => match keywords::CHOICES.iter().find(|(of, _)| *of == key) {
                Some((_, choices)) => choices.contains(&value.as_str()),
                None => true,
            },
        };
        if !is_right {
            return Err(match key.as_str() {
                "port" => "has a port that is not a number from 1 to 65535",
                "host" => "has a host with white space",
                "sslmode" => "has an sslmode that libpq does not know",
                _ => "has a parameter with a value that libpq does not take",
            });
        }
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests;
