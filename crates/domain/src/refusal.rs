//! Why a submission is refused: a stable code for operators and a sentence for the sender.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::json::is_reserved;

/// The most faults that one answer reports, so that it is not longer than the form.
pub(crate) const MAX_REPORTED: usize = 100;

/// Why a body is not a submission. `Display` shows the stable code and the field, and no input
/// text.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The body is not JSON, or is JSON that the service cannot accept.
    #[error("{}", .0.code)]
    NotJson(JsonError),
    /// The body is not multipart. The text is the parser's own: it may name a part, so only the
    /// sender sees it.
    #[error("not_multipart")]
    NotMultipart(String),
    /// The body is JSON, but not an object.
    #[error("not_an_object")]
    NotAnObject {
        /// Python's name for the type: `list`, `str`, `int`, `float`, `bool` or `NoneType`.
        got: &'static str,
    },
    /// The schema would have to check more values than memory allows.
    #[error("too_many_values")]
    TooManyValues,
    /// Fields are missing or cannot be stored; at least one fault.
    #[error("{}", .0.first().map(Fault::reason).unwrap_or_default())]
    Fields(Vec<Fault>),
}

impl Refusal {
    /// The stable code, without the field.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotJson(error) => error.code,
            Self::NotMultipart(_) => "not_multipart",
            Self::NotAnObject { .. } => "not_an_object",
            Self::TooManyValues => "too_many_values",
            Self::Fields(faults) => faults.first().map_or("", |fault| fault.code),
        }
    }

    /// The JSON that the sender gets with a 400, or with a 413 if there are too many values, worded as in the 2016 service.
    pub fn to_json(&self) -> Value {
        match self {
            Self::NotJson(error) => {
                json!({ "detail": format!("JSON parse error - {}", error.detail) })
            }
            Self::NotMultipart(detail) => {
                json!({ "detail": format!("Multipart form parse error - {detail}") })
            }
            Self::NotAnObject { got } => {
                json!({ "non_field_errors": [format!("Invalid data. Expected a dictionary, but got {got}.")] })
            }
            Self::TooManyValues => {
                json!({ "detail": "The form has too many values or objects to be checked." })
            }
            Self::Fields(faults) => {
                let mut answer = Sentences::default();
                for fault in faults.iter().take(MAX_REPORTED) {
                    answer.add(&fault.path, &fault.sentence);
                }
                if faults.len() > MAX_REPORTED {
                    answer.add(&[], "There are more errors.");
                }
                answer.into_json()
            }
        }
    }
}

/// Sentences by field, nested like the fields.
#[derive(Default)]
struct Sentences {
    here: Vec<Value>,
    by_field: BTreeMap<String, Sentences>,
}

impl Sentences {
    fn add(&mut self, path: &[String], sentence: &str) {
        match path.split_first() {
            Some((field, rest)) => {
                self.by_field.entry(field.clone()).or_default().add(rest, sentence)
            }
            None => self.here.push(sentence.into()),
        }
    }

    fn into_json(self) -> Value {
        let mut fields: Map<String, Value> = Map::new();
        for (name, nested) in self.by_field {
            let nested = if nested.by_field.is_empty() {
                Value::Array(nested.here)
            } else {
                nested.into_json()
            };
            fields.insert(name, nested);
        }
        if !self.here.is_empty() {
            fields.insert("non_field_errors".to_owned(), Value::Array(self.here));
        }
        Value::Object(fields)
    }
}

/// Why JSON text is refused: a stable code, and a description with line and column but no input
/// text.
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

/// One fault of one field, or of the submission as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// From the root of the fields; empty for the submission as a whole.
    path: Vec<String>,
    /// Stable; for logs and the invalid queue.
    code: &'static str,
    /// For the sender.
    sentence: String,
    /// The names in the path come from the form type, not from the sender.
    path_is_ours: bool,
}

impl Fault {
    pub(crate) fn not_utf8(name: &str) -> Self {
        Self::in_field(name, "not_utf8", "Text must be UTF-8.")
    }

    /// A fault of a top-level field. The sender chose its name.
    pub(crate) fn in_field(name: &str, code: &'static str, sentence: impl Into<String>) -> Self {
        // The answer cannot repeat a name with a NUL in it, or a name that some JSON parsers
        // reject. The fault then belongs to the submission as a whole.
        let path = if name.contains('\0') || is_reserved(name) {
            Vec::new()
        } else {
            vec![name.to_owned()]
        };
        // The only name that every form of 2016 has.
        let path_is_ours = name == "data";
        Self { path, code, sentence: sentence.into(), path_is_ours }
    }

    /// A fault that a schema found. The names in the path come from the schema or from the sender.
    pub(crate) fn from_schema(
        path: Vec<String>,
        code: &'static str,
        sentence: String,
        path_is_ours: bool,
    ) -> Self {
        Self { path, code, sentence, path_is_ours }
    }

    /// The code, and the path if operators may see it.
    fn reason(&self) -> String {
        if self.path_is_ours && !self.path.is_empty() {
            format!("{} at {}", self.code, self.path.join("."))
        } else {
            self.code.to_owned()
        }
    }
}
