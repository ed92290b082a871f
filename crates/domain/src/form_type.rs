//! What a form of a type must hold.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use serde_json::Value;

use crate::{
    encoding::Encoding,
    fields::Fields,
    refusal::Refusal,
    schema::{BadSchema, Schema},
};

/// A kind of form, with a JSON Schema, a queue pair and a route of its own. Cloning shares the schema.
#[derive(Clone)]
pub struct FormType(Arc<Inner>);

struct Inner {
    name: String,
    schema: Schema,
}

/// The name of the type of 2016.
const FORM: &str = "form";

/// The types that are built in, by name, with their schemas.
const BUILT_IN: [(&str, &str); 2] = [
    (FORM, include_str!("../form-types/form.schema.json")),
    ("enrolment", include_str!("../form-types/enrolment.schema.json")),
];

static FORM_TYPE: LazyLock<FormType> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "a schema of ours, which the tests build")]
    FormType::built_in(FORM).and_then(Result::ok).expect("the schema of form")
});

impl FormType {
    /// The built-in type `form` of 2016: `data` is there and not null, anything else goes.
    pub fn form() -> Self {
        FORM_TYPE.clone()
    }

    /// A built-in type, `None` where there is none of this name.
    pub(crate) fn built_in(name: &str) -> Option<Result<Self, BadSchema>> {
        let (_, schema) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name)?;
        Some(Self::from_schema(name, schema))
    }

    /// A type of this name with a JSON Schema (2020-12) that describes its fields whole.
    ///
    /// # Errors
    /// What is wrong with the schema, and where.
    pub fn from_schema(name: &str, schema: &str) -> Result<Self, BadSchema> {
        Ok(Self(Arc::new(Inner { name: name.to_owned(), schema: Schema::build(schema)? })))
    }

    /// Its name in the route, on the message and in the database.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Its JSON Schema.
    pub fn schema(&self) -> &Value {
        self.0.schema.document()
    }

    /// Whether its schema is another one than the built-in one of its name.
    pub fn replaces_built_in(&self) -> bool {
        Self::built_in(self.name())
            .is_some_and(|built_in| built_in.is_ok_and(|built_in| built_in != *self))
    }

    /// Whether its forms come in this encoding: all in JSON, those of 2016 in the two others too.
    pub fn takes(&self, encoding: Encoding<'_>) -> bool {
        encoding == Encoding::Json || self.name() == FORM
    }

    /// Checks the fields of a submission.
    ///
    /// # Errors
    /// [`Refusal::Fields`] with every fault.
    pub fn check(&self, fields: &Fields) -> Result<(), Refusal> {
        self.0.schema.check(fields.as_value()).map_err(Refusal::Fields)
    }
}

impl fmt::Debug for FormType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FormType({})", self.name())
    }
}

impl PartialEq for FormType {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name() && self.schema() == other.schema()
    }
}

impl Eq for FormType {}
