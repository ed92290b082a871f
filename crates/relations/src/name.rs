//! The names of relations.

use std::fmt;

/// The schema of the relations of form types.
pub(crate) const SUBMISSIONS: &str = "submissions";
/// The list of the submissions that were erased, in the same schema.
pub(crate) const ERASURES: &str = "erasures";
/// The table of the old data store under which a form type can be read too.
const OLD_TABLE: &str = "L0";

/// A schema and the name of a table or view in it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelationName {
    /// As in PostgreSQL; it may contain a dot.
    pub schema: String,
    /// As in PostgreSQL.
    pub table: String,
    /// Whether it was written as `submissions.<form type>/L0`, for consumers that accept only a
    /// schema with a dot. There a JSON value is a string with JSON text.
    pub is_alias: bool,
}

impl RelationName {
    /// Reads the two parts of a path.
    pub fn new(schema: &str, table: &str) -> Self {
        let form_type = schema.strip_prefix(SUBMISSIONS).and_then(|rest| rest.strip_prefix('.'));
        match form_type {
            Some(form_type) if table == OLD_TABLE && !form_type.is_empty() => {
                Self { schema: SUBMISSIONS.to_owned(), table: form_type.to_owned(), is_alias: true }
            }
            _ => Self { schema: schema.to_owned(), table: table.to_owned(), is_alias: false },
        }
    }

    /// The form type, if the relation has submissions of one.
    pub fn form_type(&self) -> Option<&str> {
        (self.schema == SUBMISSIONS).then_some(self.table.as_str())
    }
}

/// `schema/table`, as scopes are written; an alias is written as what it stands for.
impl fmt::Display for RelationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.schema, self.table)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_type_has_a_second_name_for_old_consumers() {
        let alias = RelationName::new("submissions.registration", "L0");
        assert_eq!(alias.to_string(), "submissions/registration");
        assert!(alias.is_alias);
        for (schema, table) in [
            ("submissions", "registration"),
            ("submissions.x", "L1"),
            ("submissions.", "L0"),
            ("org.ds", "L0"),
        ] {
            let name = RelationName::new(schema, table);
            assert_eq!(name.to_string(), format!("{schema}/{table}"));
            assert!(!name.is_alias, "{name}");
        }
    }
}
