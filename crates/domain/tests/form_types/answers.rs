//! The answers to a good form with one thing changed.

use domain::{Encoding, Fields, FormType};
use serde_json::Value;

pub fn answers(form_type: &FormType, good: &Value, changes: &[(&str, Value)]) -> String {
    let mut lines = Vec::new();
    for (name, change) in changes {
        let mut form = good.clone();
        merge(&mut form, change);
        let fields = Fields::parse(form.to_string().as_bytes(), Encoding::Json).unwrap();
        let outcome = match form_type.check(&fields) {
            Ok(()) => "good".to_owned(),
            Err(refusal) => format!("{refusal} | {}", refusal.to_json()),
        };
        lines.push(format!("{name}: {outcome}"));
    }
    lines.join("\n")
}

/// The change `"-"` removes a member.
fn merge(form: &mut Value, change: &Value) {
    match (form, change) {
        (Value::Object(form), Value::Object(changes)) => {
            for (name, change) in changes {
                if change == "-" {
                    form.remove(name);
                } else {
                    merge(form.entry(name).or_insert(Value::Null), change);
                }
            }
        }
        (form, change) => *form = change.clone(),
    }
}
