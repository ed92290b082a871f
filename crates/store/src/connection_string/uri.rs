//! Reads the form `postgres://user:password@host:port,host:port/dbname?key=value`.

use super::Parameters;

const BAD_PERCENT: &str =
    "has a % that is not followed by two hexadecimal digits (a % itself is written %25)";

/// Reads the part after `postgres://`.
pub(super) fn read(rest: &str) -> Result<Parameters, &'static str> {
    let mut parameters = Parameters::new();

    let start_of_path = rest.find('/').unwrap_or(rest.len());
    let (credentials, rest) = match rest.find('@') {
        Some(at) if at < start_of_path => (rest.get(..at), rest.get(at + 1..).unwrap_or_default()),
        _ => (None, rest),
    };
    // libpq would take the rest of such a password as the host, and print it in the error about an
    // unknown host.
    if rest.split('?').next().is_some_and(|before_query| before_query.contains('@')) {
        return Err(
            "has more than one @, or a / before it (in a user or password they are written %40 and %2F)",
        );
    }
    if let Some(credentials) = credentials {
        let (user, password) = match credentials.split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (credentials, None),
        };
        push(&mut parameters, "user", user)?;
        push(&mut parameters, "password", password.unwrap_or_default())?;
    }

    let (before_query, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, dbname) = before_query.split_once('/').unwrap_or((before_query, ""));
    read_hosts(hosts, &mut parameters)?;
    push(&mut parameters, "dbname", dbname)?;

    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once('=').ok_or("has a parameter without a =")?;
        match (decode(key)?.as_str(), value) {
            // JDBC's way to write it.
            ("ssl", "true") => set(&mut parameters, "sslmode".to_owned(), "require".to_owned()),
            (key, value) => set(&mut parameters, key.to_owned(), decode(value)?),
        }
    }
    Ok(parameters)
}

fn read_hosts(hosts: &str, parameters: &mut Parameters) -> Result<(), &'static str> {
    let mut names = Vec::new();
    let mut ports = Vec::new();
    for host in hosts.split(',') {
        let (name, port) = match host.strip_prefix('[') {
            Some(bracketed) => {
                let (name, after) = bracketed.split_once(']').ok_or("has a [ without a ]")?;
                match after.strip_prefix(':') {
                    Some(port) => (name, port),
                    None if after.is_empty() => (name, ""),
                    None => return Err("has something other than a port after the ] of its host"),
                }
            }
            None => host.split_once(':').unwrap_or((host, "")),
        };
        names.push(decode(name)?);
        ports.push(port);
    }
    if names.iter().any(|name| !name.is_empty()) {
        set(parameters, "host".to_owned(), names.join(","));
    }
    if ports.iter().any(|port| !port.is_empty()) {
        set(parameters, "port".to_owned(), ports.join(","));
    }
    Ok(())
}

/// Ignores an empty value, as libpq does.
fn push(parameters: &mut Parameters, key: &str, encoded: &str) -> Result<(), &'static str> {
    let value = decode(encoded)?;
    if !value.is_empty() {
        set(parameters, key.to_owned(), value);
    }
    Ok(())
}

/// If a key is there twice, the last one counts, as for libpq.
fn set(parameters: &mut Parameters, key: String, value: String) {
    parameters.retain(|(set, _)| *set != key);
    parameters.push((key, value));
}

fn decode(text: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit =
                || rest.next().and_then(|byte| char::from(byte).to_digit(16)).ok_or(BAD_PERCENT);
            let value = digit()? * 16 + digit()?;
            bytes.push(u8::try_from(value).ok().filter(|byte| *byte != 0).ok_or("has a %00")?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 once its % are decoded")
}
