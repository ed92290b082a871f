//! Our keyword `message`: the sentence that a sender sees if the keywords beside it fail.
//!
//! It checks nothing itself; `sentences` reads it from the schema.

use jsonschema::{Keyword, ValidationError, paths::Location};
use serde_json::{Map, Value};

pub(crate) const KEYWORD: &str = "message";

struct Message;

impl<'i> Keyword<'i> for Message {
    fn validate(&self, _: &'i Value) -> Result<(), ValidationError<'i>> {
        Ok(())
    }

    fn is_valid(&self, _: &Value) -> bool {
        true
    }
}

/// Makes the keyword for the validator.
pub(crate) fn build<'a>(
    _: &'a Map<String, Value>,
    _: &'a Value,
    _: Location,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    Ok(Box::new(Message))
}
