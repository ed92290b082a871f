//! What an operator does with messages that were set aside: look at them, and send them back.
//!
//! `sweep` goes through the invalid queue and holds what it meets, `look` notes what lies there, `redrive` sends it back.

mod list;
mod redrive;

mod look;
mod sweep;
mod table;

use std::io;

use queue::SqsError;

pub use self::{list::list, redrive::redrive};

/// An error of this queue, for a person.
fn of_queue(name: &str) -> impl Fn(SqsError) -> io::Error {
    move |error| io::Error::other(format!("{error} queue={name}"))
}

/// "1 message", "2 messages".
fn messages(count: usize) -> String {
    format!("{count} message{}", if count == 1 { "" } else { "s" })
}

/// A bar on standard error where that is a terminal, and nothing elsewhere.
fn progress(what: &'static str, length: Option<u64>) -> indicatif::ProgressBar {
    let (bar, template) = match length {
        Some(length) => (indicatif::ProgressBar::new(length), "{msg} {wide_bar} {pos}/{len} {eta}"),
        None => (indicatif::ProgressBar::new_spinner(), "{msg} {spinner} {pos}"),
    };
    if let Ok(style) = indicatif::ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(what)
}
