//! Reads the form `host=localhost password='it\'s secret'`.

use std::{iter::Peekable, str::Chars};

use super::Parameters;

pub(super) fn read(text: &str) -> Result<Parameters, &'static str> {
    let mut parameters = Parameters::new();
    let mut rest = text.chars().peekable();
    loop {
        skip_spaces(&mut rest);
        if rest.peek().is_none() {
            return Ok(parameters);
        }
        let mut key = String::new();
        while let Some(c) = rest.next_if(|c| *c != '=' && !c.is_ascii_whitespace()) {
            key.push(c);
        }
        skip_spaces(&mut rest);
        if rest.next() != Some('=') {
            return Err("is neither a postgres:// URL nor made of key=value");
        }
        skip_spaces(&mut rest);
        let value = match rest.next_if_eq(&'\'') {
            Some(_) => read_quoted(&mut rest)?,
            None => read_bare(&mut rest),
        };
        parameters.retain(|(set, _)| *set != key);
        parameters.push((key, value));
    }
}

fn read_quoted(rest: &mut Peekable<Chars<'_>>) -> Result<String, &'static str> {
    let mut value = String::new();
    loop {
        match rest.next() {
            Some('\'') => return Ok(value),
            Some('\\') => value.extend(rest.next()),
            Some(c) => value.push(c),
            None => return Err("has a quote that is not closed"),
        }
    }
}

fn read_bare(rest: &mut Peekable<Chars<'_>>) -> String {
    let mut value = String::new();
    while let Some(c) = rest.next_if(|c| !c.is_ascii_whitespace()) {
        if c == '\\' {
            value.extend(rest.next());
        } else {
            value.push(c);
        }
    }
    value
}

fn skip_spaces(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(char::is_ascii_whitespace).is_some() {}
}
