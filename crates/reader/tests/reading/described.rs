//! Compares answers with the OpenAPI document.

use serde_json::{Value, json};
use test_kit::http::Answer;

/// The OpenAPI document that a running reader serves.
pub struct Described(pub Value);

impl Described {
    /// How this answer differs from the document, if it does. Paths of which it says nothing, and
    /// methods that it does not have, have no descriptions.
    pub fn difference(&self, method: &str, path: &str, answer: &Answer) -> Option<String> {
        let operation = &self.operation(path)?[method.to_ascii_lowercase()];
        if operation.is_null() {
            return None;
        }
        let described = &operation["responses"][answer.status.to_string()];
        if described.is_null() {
            return Some(format!("status {} is not described", answer.status));
        }
        let described = match described["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
            None => described,
        };
        let media_type =
            answer.header("Content-Type").map(|value| value.split(';').next().unwrap());
        match (described["content"].as_object(), media_type) {
            (None, _) => (!answer.body.is_empty()).then(|| "a body is not described".to_owned()),
            (Some(contents), Some(media_type)) if contents.contains_key(media_type) => {
                if !media_type.ends_with("json") {
                    return None;
                }
                let schema = &contents[media_type]["schema"];
                let whole = json!({ "allOf": [schema], "components": self.0["components"] });
                let options = jsonschema::options().should_validate_formats(true);
                let (body, validator) = (answer.json(), options.build(&whole).unwrap());
                let difference = validator.validate(&body).err();
                difference.map(|error| format!("the body: {error}"))
            }
            (_, media_type) => Some(format!("content of type {media_type:?} is not described")),
        }
    }

    fn operation(&self, path: &str) -> Option<&Value> {
        let path: Vec<&str> = path.split('?').next().unwrap().split('/').collect();
        let mut paths: Vec<(&String, &Value)> = self.0["paths"].as_object()?.iter().collect();
        // Those without parameters first.
        paths.sort_by_key(|(template, _)| template.contains('{'));
        let is_like = |template: &str| {
            let parts: Vec<&str> = template.split('/').collect();
            let pairs = parts.iter().zip(&path);
            let mut same = pairs.map(|(part, found)| part == found || part.starts_with('{'));
            parts.len() == path.len() && same.all(|same| same)
        };
        paths.into_iter().find(|(template, _)| is_like(template)).map(|(_, found)| found)
    }
}
