//! What each action of the API does: one function per action, from its request to its answer.

pub(crate) mod attributes;
mod batch;
pub(crate) mod queues;
pub(crate) mod receive;
pub(crate) mod send;
pub(crate) mod settle;
