//! Compares answers with the OpenAPI document.

use serde_json::{Value, json};
use test_kit::{Service, http::Answer};

/// The OpenAPI document that a running api serves.
pub struct Described(pub Value);

impl Described {
    pub async fn of(api: &Service) -> Self {
        let answer = api.get("/openapi.json").await;
        assert_eq!(answer.header("Content-Type"), Some("application/json"));
        Self(answer.json())
    }

    /// How this answer differs from the document, if it does.
    pub fn difference(&self, method: &str, path: &str, answer: &Answer) -> Option<String> {
        let Some(described) = self.response(method, path, answer.status) else {
            return Some(format!("status {} is not described", answer.status));
        };
        for (name, header) in described["headers"].as_object().into_iter().flatten() {
            let Some(value) = answer.header(name) else {
                return Some(format!("the header {name} is missing"));
            };
            let schema = &self.resolve(header)["schema"];
            let number = value.parse::<u64>().map(Value::from);
            if !self.is_valid(schema, &value.into())
                && !number.is_ok_and(|number| self.is_valid(schema, &number))
            {
                return Some(format!("the header {name} is not as described"));
            }
        }
        let media_type =
            answer.header("Content-Type").map(|value| value.split(';').next().unwrap());
        match (described["content"].as_object(), media_type) {
            (None, None) => None,
            (Some(contents), Some(media_type)) if contents.contains_key(media_type) => {
                let body = match media_type.ends_with("json") {
                    true => answer.json(),
                    false => answer.body.as_str().into(),
                };
                (!self.is_valid(&contents[media_type]["schema"], &body))
                    .then(|| "the body is not valid".to_owned())
            }
            (_, media_type) => Some(format!("content of type {media_type:?} is not described")),
        }
    }

    /// The description of an answer. Answers that no operation has are found by their name.
    fn response(&self, method: &str, path: &str, status: u16) -> Option<&Value> {
        let path = path.split('?').next().unwrap();
        let components = &self.0["components"]["responses"];
        let with_slash = || self.0["paths"].get(format!("{path}/"));
        let healthcheck = || with_slash().filter(|_| path.starts_with("/healthcheck"));
        let Some(operations) = self.0["paths"].get(path).or_else(healthcheck) else {
            return match status {
                301 if with_slash().is_some() => Some(&components["SlashAdded"]),
                400 => Some(&components["BadRequest"]),
                404 => Some(&components["NotFound"]),
                _ => None,
            };
        };
        match operations.get(method.to_ascii_lowercase()) {
            Some(operation) => operation["responses"]
                .get(status.to_string())
                .map(|response| self.resolve(response)),
            None => (status == 405).then(|| &components["MethodNotAllowed"]),
        }
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
            None => value,
        }
    }

    fn is_valid(&self, schema: &Value, value: &Value) -> bool {
        // The schema refers to other schemas by their place in the document.
        let whole = json!({ "allOf": [schema], "components": self.0["components"] });
        jsonschema::options().should_validate_formats(true).build(&whole).unwrap().is_valid(value)
    }
}
