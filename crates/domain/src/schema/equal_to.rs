//! Our keyword `equalTo: [["a", "b"], …]` on an object: the two members of each pair must be equal,
//! such as an e-mail address that is typed twice.

use jsonschema::{Keyword, ValidationError, paths::Location};
use serde_json::{Map, Value};

pub(crate) const KEYWORD: &str = "equalTo";

struct EqualTo(Vec<(String, String)>);

impl<'i> Keyword<'i> for EqualTo {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) {
            Ok(())
        } else {
            Err(ValidationError::custom("members differ"))
        }
    }

    fn is_valid(&self, instance: &Value) -> bool {
        self.0.iter().all(|(one, other)| are_equal(instance, one, other))
    }
}

/// Makes the keyword for the validator.
pub(crate) fn build<'a>(
    _: &'a Map<String, Value>,
    value: &'a Value,
    _: Location,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    // `rules` has already checked that the value is a list of pairs.
    Ok(Box::new(EqualTo(parse_pairs(value).unwrap_or_default())))
}

/// Two absent members are equal, and a value that is not an object has no members.
pub(crate) fn are_equal(instance: &Value, one: &str, other: &str) -> bool {
    instance.as_object().is_none_or(|members| members.get(one) == members.get(other))
}

/// The pairs of an `equalTo`; `None` if the value is not a list of pairs of names.
pub(crate) fn parse_pairs(value: &Value) -> Option<Vec<(String, String)>> {
    let pairs = value.as_array()?.iter().map(|pair| match pair.as_array()?.as_slice() {
        [Value::String(one), Value::String(other)] => Some((one.clone(), other.clone())),
        _ => None,
    });
    pairs.collect()
}
