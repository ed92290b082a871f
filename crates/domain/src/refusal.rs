//! Why a submission is refused, in a stable code for operators and a sentence for the sender.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use thiserror::Error;

use crate::json::is_reserved;

/// Faults that one answer tells, so that it is not longer than the form.
pub(crate) const MOST_TOLD: usize = 100;

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
    /// The stable code alone, without a field.
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotJson(error) => error.code,
            Self::NotMultipart(_) => "not_multipart",
            Self::NotAnObject { .. } => "not_an_object",
            Self::Fields(faults) => faults.first().map_or("", |fault| fault.code),
        }
    }

    /// The JSON that the sender gets with a 400, in the words of the 2016 service.
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
            Self::Fields(faults) => {
                let mut tree = Tree::default();
                for fault in faults.iter().take(MOST_TOLD) {
                    tree.add(&fault.path, &fault.sentence);
                }
                if faults.len() > MOST_TOLD {
                    tree.add(&[], "There are more errors.");
                }
                tree.into_json()
            }
        }
    }
}

/// Sentences by field, nested as the fields are.
#[derive(Default)]
struct Tree {
    sentences: Vec<Value>,
    fields: BTreeMap<String, Tree>,
}

impl Tree {
    fn add(&mut self, path: &[String], sentence: &str) {
        match path.split_first() {
            Some((field, rest)) => {
                self.fields.entry(field.clone()).or_default().add(rest, sentence)
            }
            None => self.sentences.push(sentence.into()),
        }
    }

    fn into_json(self) -> Value {
        let mut fields: Map<String, Value> = Map::new();
        for (name, tree) in self.fields {
            let nested = if tree.fields.is_empty() {
                Value::Array(tree.sentences)
            } else {
                tree.into_json()
            };
            fields.insert(name, nested);
        }
        if !self.sentences.is_empty() {
            fields.insert("non_field_errors".to_owned(), Value::Array(self.sentences));
        }
        Value::Object(fields)
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
    /// From the root of the fields; empty for the whole.
    path: Vec<String>,
    /// Stable, for logs and the invalid queue.
    code: &'static str,
    /// For the sender.
    sentence: String,
    /// The names in the path are the form type's, and not the sender's text.
    path_is_ours: bool,
}

impl Fault {
    /// A fault of a top-level field, whose name the sender chose.
    pub(crate) fn in_field(name: &str, code: &'static str, sentence: impl Into<String>) -> Self {
        // A name with a NUL in it, or one that not every reader of JSON takes, is no name to answer with: the fault is
        // one of the whole.
        let path = if name.contains('\0') || is_reserved(name) {
            Vec::new()
        } else {
            vec![name.to_owned()]
        };
        // The one name that every form of 2016 has.
        let path_is_ours = name == "data";
        Self { path, code, sentence: sentence.into(), path_is_ours }
    }

    /// A fault that a schema found, at a path whose names are the schema's or the sender's.
    pub(crate) fn of_schema(
        path: Vec<String>,
        code: &'static str,
        sentence: String,
        path_is_ours: bool,
    ) -> Self {
        Self { path, code, sentence, path_is_ours }
    }

    /// The code, and the path where it may be shown to operators.
    fn reason(&self) -> String {
        if self.path_is_ours && !self.path.is_empty() {
            format!("{} at {}", self.code, self.path.join("."))
        } else {
            self.code.to_owned()
        }
    }
}
