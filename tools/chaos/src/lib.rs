//! Breaks the running system at random, and proves with a history that no form was lost and none stored twice.
//!
//! Senders record each submission before they send it, and how it ended ([`history`]). Meanwhile the nemeses inflict
//! faults from a plan that a seed determines ([`plan`], [`nemesis`]). At the end, [`check`] compares the answers with
//! the stored rows and the kept messages. [`kills`] kills workers at one exact moment instead.

#![allow(missing_docs, reason = "a development tool: only what a name cannot say is documented")]

// What was sent and stored, and the promises as a pure function of both.
pub mod content;
pub mod history;

pub mod check;

// Submissions and faults, drawn from a seed.
pub mod draft;
pub mod fault;
pub mod plan;
pub mod size;

// The system under test, and those who use, break and watch it.
pub mod follow;
pub mod instance;
pub mod postgres;
pub mod system;

pub mod nemesis;
pub mod send;
pub mod watch;

// The two programs, and their reports.
pub mod kills;
pub mod run;

pub mod plot;
pub mod report;
