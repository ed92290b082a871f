//! Progress and counts for the person at the terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// "1 message", "2 messages".
pub fn messages(count: usize) -> String {
    format!("{count} message{}", if count == 1 { "" } else { "s" })
}

/// A bar on standard error. It stays invisible if that is not a terminal.
pub fn progress(action: &'static str, length: Option<u64>) -> ProgressBar {
    let (bar, template) = match length {
        Some(length) => (ProgressBar::new(length), "{msg} {wide_bar} {pos}/{len} {eta}"),
        None => (ProgressBar::new_spinner(), "{msg} {spinner} {pos}"),
    };
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.with_message(action)
}
