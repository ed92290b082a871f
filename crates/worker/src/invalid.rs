//! The operator's commands for messages that were set aside: list them and send them back.
//!
//! `sweep` goes through the invalid queue and keeps what it receives hidden until the end, `look`
//! notes the messages, `redrive` sends them back.

mod list;
mod redrive;

mod look;
mod sweep;

mod table;
mod terminal;

pub use self::{list::list, redrive::redrive};
