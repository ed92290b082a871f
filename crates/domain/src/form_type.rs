//! A form type: a name and the schema of its forms.

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
    schema_digest::SchemaDigest,
};

/// A kind of form, with its own JSON Schema, queue pair and route. Clones share the schema.
#[derive(Clone)]
pub struct FormType(Arc<Inner>);

struct Inner {
    name: String,
    schema: Schema,
}

/// The name of the form type of 2016.
const FORM: &str = "form";

/// The built-in form types: names and schemas.
const BUILT_IN: [(&str, &str); 2] = [
    (FORM, include_str!("../form-types/form.schema.json")),
    ("enrolment", include_str!("../form-types/enrolment.schema.json")),
];

static FORM_TYPE: LazyLock<FormType> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "the schema is in this repository, and the tests parse it"
    )]
    FormType::built_in(FORM).and_then(Result::ok).expect("the schema of form")
});

impl FormType {
    /// The built-in type `form` of 2016: `data` must be there and not null; any other field is
    /// allowed.
    pub fn form() -> Self {
        FORM_TYPE.clone()
    }

    /// The built-in type with this name, if there is one.
    pub(crate) fn built_in(name: &str) -> Option<Result<Self, BadSchema>> {
        let (_, schema) = BUILT_IN.iter().find(|(built_in, _)| *built_in == name)?;
        Some(Self::from_schema(name, schema))
    }

    /// A form type with this name. `schema` is a JSON Schema (2020-12) for the whole posted object.
    ///
    /// # Errors
    /// The first mistake in the schema, with its place.
    pub fn from_schema(name: &str, schema: &str) -> Result<Self, BadSchema> {
        Ok(Self(Arc::new(Inner { name: name.to_owned(), schema: Schema::parse(schema)? })))
    }

    /// The name in the route, in the message and in the database.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The JSON Schema.
    pub fn schema(&self) -> &Value {
        self.0.schema.document()
    }

    /// The digest of the JSON Schema.
    pub fn schema_digest(&self) -> SchemaDigest {
        self.0.schema.digest()
    }

    /// Whether there is a built-in type with this name and a different schema.
    pub fn replaces_built_in(&self) -> bool {
        Self::built_in(self.name())
            .is_some_and(|built_in| built_in.is_ok_and(|built_in| built_in != *self))
    }

    /// Whether a form of this type may come in this encoding. Every type accepts JSON; the type
    /// `form` of 2016 also accepts the other two.
    pub fn accepts(&self, encoding: Encoding<'_>) -> bool {
        encoding == Encoding::Json || self.name() == FORM
    }

    /// Reads a request body as a form of this type.
    ///
    /// In the encodings other than JSON, a top-level property with `"type": "array"` in the schema
    /// gets all values of its name, in their order.
    ///
    /// # Errors
    /// Those of [`Fields::parse`] and of [`FormType::check`].
    pub fn parse(&self, body: &[u8], encoding: Encoding<'_>) -> Result<Fields, Refusal> {
        let fields = Fields::parse_with_lists(body, encoding, self.0.schema.list_fields())?;
        self.check(&fields)?;
        Ok(fields)
    }

    /// Checks the fields of a submission.
    ///
    /// # Errors
    /// [`Refusal::Fields`], with every fault, or [`Refusal::TooManyValues`].
    pub fn check(&self, fields: &Fields) -> Result<(), Refusal> {
        self.0.schema.check(fields.canonical())
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
