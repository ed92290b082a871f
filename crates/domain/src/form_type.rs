//! What a form of a type must hold.

use serde_json::Value;

use crate::{
    fields::Fields,
    refusal::{Fault, FaultKind, Refusal},
};

/// A kind of form, with a queue pair and a route of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormType {
    name: &'static str,
}

impl FormType {
    /// The built-in type `form` of 2016: `data` is there and not null, anything else goes.
    pub const FORM: Self = Self { name: "form" };

    /// Its name in the route, on the message and in the database.
    pub fn name(&self) -> &str {
        self.name
    }

    /// Checks the fields of a submission.
    ///
    /// # Errors
    /// [`Refusal::Fields`] with every fault.
    pub fn check(&self, fields: &Fields) -> Result<(), Refusal> {
        let fault = match fields.get("data") {
            None => FaultKind::Required,
            Some(Value::Null) => FaultKind::Null,
            Some(_) => return Ok(()),
        };
        Err(Refusal::Fields(vec![Fault::in_field("data", fault)]))
    }
}
