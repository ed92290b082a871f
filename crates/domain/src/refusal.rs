//! Why a submission is refused, in a stable code for operators and a sentence for the sender.

use serde_json::{Value, json};
use thiserror::Error;

/// Why a body is not a submission. `Display` is the stable code with the field, and holds no input text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// Not JSON, or JSON that cannot be taken.
    #[error("{}", .0.code)]
    NotJson(JsonError),
    /// Not multipart; the parser's words, which may name a part and are for the sender alone.
    #[error("not_multipart")]
    NotMultipart(String),
    /// JSON, but not an object; the name that Python has for its type.
    #[error("not_an_object")]
    NotAnObject {
        /// `list`, `str`, `int`, `float`, `bool` or `NoneType`.
        got: &'static str,
    },
    /// Fields that are missing or cannot be stored, at least one.
    #[error("{}", .0.first().map(Fault::reason).unwrap_or_default())]
    Fields(Vec<Fault>),
}

impl Refusal {
    /// The JSON that the sender gets with a 400, in the words of the 2016 service.
    pub fn to_json(&self) -> Value {
        match self {
            Self::NotJson(error) => json!({ "detail": format!("JSON parse error - {}", error.detail) }),
            Self::NotMultipart(detail) => json!({ "detail": format!("Multipart form parse error - {detail}") }),
            Self::NotAnObject { got } => {
                json!({ "non_field_errors": [format!("Invalid data. Expected a dictionary, but got {got}.")] })
            }
            Self::Fields(faults) => {
                let mut answer = serde_json::Map::new();
                for fault in faults {
                    let field = fault.field.as_deref().unwrap_or("non_field_errors");
                    let sentences = answer.entry(field).or_insert_with(|| json!([]));
                    if let Some(sentences) = sentences.as_array_mut() {
                        sentences.push(fault.kind.sentence().into());
                    }
                }
                Value::Object(answer)
            }
        }
    }
}

/// What is wrong with JSON text: a stable code, and words with line and column that hold no input text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError {
    code: &'static str,
    detail: String,
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        let detail = error.to_string();
        let code = if error.is_data() {
            "reserved_key"
        } else if detail.starts_with("recursion limit exceeded") {
            "too_deep"
        } else {
            "not_json"
        };
        Self { code, detail }
    }
}

/// One thing that is wrong with one field, or with the fields as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    field: Option<String>,
    kind: FaultKind,
}

impl Fault {
    pub(crate) fn in_field(name: &str, kind: FaultKind) -> Self {
        // A name with a NUL in it is no name to answer with: the fault is one of the whole.
        let field = (!name.contains('\0')).then(|| name.to_owned());
        Self { field, kind }
    }

    /// The code, and the field where its name is the service's own and not the sender's text.
    fn reason(&self) -> String {
        match self.field.as_deref() {
            Some(field @ "data") => format!("{} at {field}", self.kind.code()),
            _ => self.kind.code().to_owned(),
        }
    }
}

/// What can be wrong with a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It must be there.
    Required,
    /// It must not be null.
    Null,
    /// U+0000, which PostgreSQL cannot hold.
    NullCharacter,
    /// A number that takes too many digits in plain notation.
    NumberTooLong,
    /// A file in a multipart form.
    File,
    /// A part of a multipart form that is text in no encoding that can be kept.
    NotUtf8,
}

impl FaultKind {
    /// Stable, for logs and the invalid queue.
    pub fn code(self) -> &'static str {
        match self {
            Self::Required => "field_required",
            Self::Null => "field_null",
            Self::NullCharacter => "null_character",
            Self::NumberTooLong => "number_too_long",
            Self::File => "file",
            Self::NotUtf8 => "not_utf8",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Required => "This field is required.",
            Self::Null => "This field may not be null.",
            Self::NullCharacter => "Null characters are not allowed.",
            Self::NumberTooLong => "Numbers of more than 1000 digits are not allowed.",
            Self::File => "Files are not accepted.",
            Self::NotUtf8 => "Text must be UTF-8.",
        }
    }
}
