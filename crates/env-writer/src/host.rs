//! The environment variables of the host.

use std::{collections::BTreeMap, ffi::OsString};

/// The host's variables by their full names.
pub type Host = BTreeMap<String, OsString>;
