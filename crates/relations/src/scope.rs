//! Which relations a client may read.

mod pattern;

use std::{collections::BTreeSet, fmt};

pub use self::pattern::BadScope;
use self::pattern::{Pattern, Schema, Table};
use crate::name::{ERASURES, RelationName, SUBMISSIONS};

/// Relations that a client may read, as `schema/table` or `schema/table(column,column)`.
///
/// `*` stands for a whole part, and at the end of the schema for its rest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scope {
    pattern: Pattern,
    columns: Option<Vec<String>>,
}

/// All scopes of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Vec<Scope>);

/// What a client may read of a relation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Access {
    /// The only columns that exist for it; `None` for all.
    pub columns: Option<BTreeSet<String>>,
    /// In the list of erasures: the only form types whose rows exist for it; `None` for all.
    pub form_types: Option<BTreeSet<String>>,
}

impl Scope {
    /// Reads a scope as people write it. A name that only a typing error explains is refused,
    /// because it would match nothing, and nobody would say so.
    ///
    /// # Errors
    /// It is not one.
    pub fn parse(text: &str) -> Result<Self, BadScope> {
        let with_columns = text.strip_suffix(')').and_then(|text| text.split_once('('));
        let (pattern, columns) = with_columns
            .map_or((text, None), |(pattern, columns)| (pattern, Some(columns.split(','))));
        if pattern.contains(['(', ')']) {
            return Err(BadScope::Column);
        }
        if pattern.split('/').any(|part| part.trim() != part || part.contains(char::is_control)) {
            return Err(BadScope::Name);
        }
        Self::new(pattern, columns.map(|names| names.map(|name| name.trim().to_owned()).collect()))
    }

    /// A scope of a pattern, limited to these columns if there are any.
    ///
    /// # Errors
    /// The pattern is not one, or a column has no name.
    pub fn new(pattern: &str, columns: Option<Vec<String>>) -> Result<Self, BadScope> {
        let is_name = |name: &String| !name.is_empty() && !name.contains('\0');
        if columns
            .as_ref()
            .is_some_and(|columns| columns.is_empty() || !columns.iter().all(is_name))
        {
            return Err(BadScope::Column);
        }
        Ok(Self { pattern: pattern.parse()?, columns })
    }

    /// The pattern without the columns.
    pub fn pattern(&self) -> String {
        self.pattern.to_string()
    }

    /// The only columns that exist; `None` for all.
    pub fn columns(&self) -> Option<&[String]> {
        self.columns.as_deref()
    }

    /// Whether it can match submissions.
    pub fn reaches_submissions(&self) -> bool {
        self.pattern.schema.matches(SUBMISSIONS)
    }
}

impl Scopes {
    /// The scopes of one client.
    pub fn new(scopes: impl IntoIterator<Item = Scope>) -> Self {
        Self(scopes.into_iter().collect())
    }

    /// What the client may read of this relation; `None` if nothing, and then the relation does not
    /// exist for it.
    ///
    /// Several scopes add up. Whoever may read submissions may know which of them were erased.
    pub fn allows(&self, relation: &RelationName) -> Option<Access> {
        let matching: Vec<&Scope> =
            self.0.iter().filter(|scope| scope.pattern.matches(relation)).collect();
        if !matching.is_empty() {
            let columns: Option<Vec<&[String]>> =
                matching.iter().map(|scope| scope.columns()).collect();
            let columns = columns.map(|lists| lists.concat().into_iter().collect());
            return Some(Access { columns, form_types: None });
        }
        if relation.schema != SUBMISSIONS || relation.table != ERASURES || relation.is_alias {
            return None;
        }
        let form_types: BTreeSet<String> =
            self.0.iter().filter_map(Scope::one_form_type).map(str::to_owned).collect();
        (!form_types.is_empty()).then_some(Access { columns: None, form_types: Some(form_types) })
    }

    /// Every scope.
    pub fn iter(&self) -> impl Iterator<Item = &Scope> {
        self.0.iter()
    }
}

impl Scope {
    fn one_form_type(&self) -> Option<&str> {
        match &self.pattern.table {
            Table::Named(form_type) if self.reaches_submissions() => Some(form_type),
            _ => None,
        }
    }
}

/// As [`Scope::parse`] reads it.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.pattern.fmt(f)?;
        match &self.columns {
            Some(columns) => write!(f, "({})", columns.join(",")),
            None => Ok(()),
        }
    }
}

impl Pattern {
    fn matches(&self, relation: &RelationName) -> bool {
        let table = match &self.table {
            Table::Every => true,
            Table::Named(name) => *name == relation.table,
        };
        table && self.schema.matches(&relation.schema)
    }
}

impl Schema {
    fn matches(&self, schema: &str) -> bool {
        match self {
            Self::Every => true,
            Self::BeginsWith(start) => schema.starts_with(start),
            Self::Named(name) => name == schema,
        }
    }
}

#[cfg(test)]
mod tests;
