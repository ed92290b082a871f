//! What a client has when it is added or changed.

use std::fmt;

/// A client that is added with its first key.
#[derive(Clone, Debug)]
pub struct NewClient<'a> {
    /// The name with which it signs.
    pub id: &'a str,
    /// What it is for, and whom to ask.
    pub description: &'a str,
    /// Its first key.
    pub key: NewKey<'a>,
    /// What it may read.
    pub scopes: &'a [NewScope],
}

/// A key that was made and encrypted.
#[derive(Clone, Copy)]
pub struct NewKey<'a> {
    /// Its name.
    pub id: &'a str,
    /// The key, encrypted.
    pub ciphertext: &'a [u8],
    /// Whether it was taken over from the old data store.
    pub imported: bool,
}

/// What a client may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewScope {
    /// `schema/table`, with `*` for a whole part or for the end of the schema.
    pub pattern: String,
    /// The only columns that exist for the client; `None` for all.
    pub columns: Option<Vec<String>>,
}

impl fmt::Debug for NewKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey")
            .field("id", &self.id)
            .field("imported", &self.imported)
            .finish_non_exhaustive()
    }
}

/// As people write it on the command line: `schema/table(column,column)`.
impl fmt::Display for NewScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pattern)?;
        match &self.columns {
            Some(columns) => write!(f, "({})", columns.join(",")),
            None => Ok(()),
        }
    }
}

/// The scopes as two arrays; the columns are JSON, because arrays in an array have one length.
pub(super) const SCOPES: &str = "SELECT s.pattern, CASE WHEN s.columns IS NOT NULL
        THEN ARRAY(SELECT jsonb_array_elements_text(s.columns::jsonb)) END AS columns";

pub(super) fn as_arrays(scopes: &[NewScope]) -> (Vec<&str>, Vec<Option<String>>) {
    let columns = |scope: &NewScope| {
        let columns = scope.columns.as_ref()?;
        Some(serde_json::Value::from(columns.as_slice()).to_string())
    };
    scopes.iter().map(|scope| (scope.pattern.as_str(), columns(scope))).unzip()
}

pub(super) fn as_text(scopes: &[NewScope]) -> String {
    scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
