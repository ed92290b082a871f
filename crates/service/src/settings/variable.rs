//! What a reader of the reference page needs to know about a variable.

/// A variable that a service knows. All texts are Markdown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The name. A part in angle brackets stands for any text.
    pub name: String,
    /// The default, or the behaviour without the variable.
    pub default: String,
    /// The values it may have, with their unit.
    pub values: String,
    /// What it sets, in a sentence or two.
    pub meaning: String,
}

impl Variable {
    /// A variable with these texts.
    pub fn new(name: &str, default: &str, values: &str, meaning: &str) -> Self {
        Self {
            name: name.to_owned(),
            default: default.to_owned(),
            values: values.to_owned(),
            meaning: meaning.to_owned(),
        }
    }

    /// Whether its value must not be shown. The two names hold a password among other things, or something of 2016.
    pub(super) fn is_secret(&self) -> bool {
        self.values.contains("secret")
            || self.values.contains("key")
            || matches!(self.name.as_str(), "DATABASE_URL" | "SECRET_KEY")
    }
}
