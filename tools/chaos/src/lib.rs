//! Breaks the running system at random, and proves with a history that nothing was lost and nothing doubled.
//!
//! Senders write down each submission before it is sent and how it ended ([`history`]); meanwhile faults are done by
//! a plan that a seed gives ([`fault`], [`nemesis`]); in the end [`check`] compares what was answered with what is
//! stored and set aside. [`between`] kills a worker at one moment instead.

pub mod check;
pub mod history;

pub mod content;
pub mod draft;
pub mod send;

pub mod fault;
pub mod nemesis;

pub mod postgres;
pub mod system;
pub mod watch;

pub mod between;
pub mod run;

pub mod plot;
pub mod report;
