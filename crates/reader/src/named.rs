//! The name of a relation in a path.

use actix_web::HttpRequest;
use percent_encoding::percent_decode_str;
use relations::RelationName;

use crate::{parameters::encode, refusal::Refusal};

/// The last two segments of a path, decoded. A dot or an encoded slash is part of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    schema: String,
    table: String,
}

impl Named {
    pub fn new(schema: &str, table: &str) -> Self {
        Self { schema: schema.to_owned(), table: table.to_owned() }
    }

    /// Reads the path as the client has sent it.
    ///
    /// # Errors
    /// A name is not UTF-8.
    pub fn of(request: &HttpRequest) -> Result<Self, Refusal> {
        let mut segments = request.uri().path().rsplit('/');
        let mut name = || {
            let segment = segments.next().unwrap_or_default();
            let decoded = percent_decode_str(segment).decode_utf8();
            decoded.map(|name| name.into_owned()).map_err(|_| Refusal::NotFound)
        };
        let table = name()?;
        Ok(Self { schema: name()?, table })
    }

    pub fn relation(&self) -> RelationName {
        RelationName::new(&self.schema, &self.table)
    }

    /// The end of a path to it.
    pub fn path(&self) -> String {
        format!("{}/{}", encode(&self.schema), encode(&self.table))
    }
}
