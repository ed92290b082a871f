//! Why a form type cannot be served.

use std::fmt;

use thiserror::Error;

/// What is wrong with a form type, and where in its schema.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{what}")]
pub struct BadSchema {
    what: String,
}

impl BadSchema {
    /// `place` is a JSON pointer.
    pub(crate) fn at(place: &str, what: impl fmt::Display) -> Self {
        let place = if place.is_empty() { "the root" } else { place };
        Self { what: format!("at {place}: {what}") }
    }

    pub(crate) fn not_json(error: &serde_json::Error) -> Self {
        Self { what: format!("it is not JSON: {error}") }
    }

    pub(crate) fn not_an_object() -> Self {
        Self { what: "it is not a JSON object".to_owned() }
    }

    pub(crate) fn bad_name() -> Self {
        let rule = "must be 1 to 40 lower-case letters, digits, hyphens and underscores, start with a letter, and not be `docs`, `erasures`, `healthcheck` or `metrics`";
        Self { what: format!("its name {rule}") }
    }

    pub(crate) fn missing() -> Self {
        Self {
            what: "it is not built in, and FORM_TYPES_DIR has no schema with this name".to_owned(),
        }
    }
}
