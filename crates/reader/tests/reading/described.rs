//! Compares answers with the OpenAPI document.

use serde_json::{Value, json};
use test_kit::http::Answer;

/// The OpenAPI document that a running reader serves.
pub struct Described(pub Value);

impl Described {
    /// How this answer differs from the document, if it does. An answer of a path or a method of which
    /// the document says nothing must be one of its refusals.
    pub fn difference(&self, method: &str, path: &str, answer: &Answer) -> Option<String> {
        if method == "OPTIONS" || answer.status == 0 || self.0.is_null() {
            return None;
        }
        // A HEAD is answered like a GET without its body.
        let is_head = method == "HEAD";
        let method = if is_head { "get".to_owned() } else { method.to_ascii_lowercase() };
        let operation = self.operation(path).and_then(|operations| operations.get(&method));
        let responses = match operation {
            Some(operation) => &operation["responses"],
            None => &self.0["components"]["responses"],
        };
        let described = &responses[answer.status.to_string()];
        if described.is_null() {
            return Some(format!("status {} is not described", answer.status));
        }
        let described = self.resolve(described);
        self.of_headers(described, answer).or_else(|| self.of_body(described, answer, is_head))
    }

    fn of_headers(&self, described: &Value, answer: &Answer) -> Option<String> {
        let mut headers = described["headers"].as_object().into_iter().flatten();
        headers.find_map(|(name, header)| {
            let header = self.resolve(header);
            match answer.header(name) {
                None if header["required"] == true => Some(format!("the header {name} is missing")),
                None => None,
                Some(value) => {
                    let number = value.parse::<u64>().ok().map(Value::from);
                    let is_good = |value: &Value| self.fault(&header["schema"], value).is_none();
                    let good = is_good(&value.into()) || number.is_some_and(|n| is_good(&n));
                    (!good).then(|| format!("the header {name} is not as described"))
                }
            }
        })
    }

    fn of_body(&self, described: &Value, answer: &Answer, is_head: bool) -> Option<String> {
        let media_type =
            answer.header("Content-Type").map(|value| value.split(';').next().unwrap());
        match (described["content"].as_object(), media_type) {
            (None, _) => (!answer.body.is_empty()).then(|| "a body is not described".to_owned()),
            (Some(contents), Some(media_type)) if contents.contains_key(media_type) => {
                if is_head {
                    return (!answer.body.is_empty()).then(|| "a HEAD has a body".to_owned());
                }
                let is_json = media_type.ends_with("json");
                let fault = || self.fault(&contents[media_type]["schema"], &answer.json());
                if is_json { fault().map(|fault| format!("the body: {fault}")) } else { None }
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
            let mut same = pairs
                .map(|(part, found)| part == found || part.starts_with('{') && !found.is_empty());
            parts.len() == path.len() && same.all(|same| same)
        };
        paths.into_iter().find(|(template, _)| is_like(template)).map(|(_, found)| found)
    }

    fn resolve<'a>(&'a self, value: &'a Value) -> &'a Value {
        match value["$ref"].as_str() {
            Some(reference) => self.0.pointer(reference.strip_prefix('#').unwrap()).unwrap(),
            None => value,
        }
    }

    fn fault(&self, schema: &Value, value: &Value) -> Option<String> {
        // The schema refers to other schemas by their place in the document.
        let whole = json!({ "allOf": [schema], "components": self.0["components"] });
        let options = jsonschema::options().should_validate_formats(true);
        let validator = options.build(&whole).unwrap();
        validator.validate(value).err().map(|error| error.to_string())
    }
}
