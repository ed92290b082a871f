//! An index for each form type, with which a page of its view reads no rows of other types.

use std::time::Duration;

use diesel::{prelude::*, sql_query, sql_types::Text};

use super::{
    PublishError, Published,
    view::{identifier, literal},
};
use crate::{concurrent_index::Builder, store::Store, unavailable::Unavailable};

/// The published form types without a valid index.
const MISSING: &str = "
    SELECT f.relnamespace::regnamespace::text AS home, r.name AS form_type
        FROM pg_class f, relations r
        WHERE f.oid = 'forms'::regclass AND r.schema = 'submissions' AND r.name <> 'erasures'
            AND NOT EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                WHERE i.indrelid = f.oid AND i.indisvalid AND c.relname = 'forms_of_' || r.name)
        ORDER BY r.name";

#[derive(QueryableByName)]
struct Missing {
    #[diesel(sql_type = Text)]
    home: String,
    #[diesel(sql_type = Text)]
    form_type: String,
}

impl Store {
    /// Builds the index of each published form type that has none. It waits for every open
    /// transaction, without a limit; nobody waits for it.
    ///
    /// Several processes may call this at the same time: one builds, and the others wait.
    pub fn index_relations(&self) -> Result<Published, PublishError> {
        let mut builder = Builder::connect(self)?.ok_or(PublishError::ThroughPooler)?;
        let mut published = Published::default();
        if missing(&mut builder)?.is_empty() {
            return Ok(published);
        }
        builder.lock(Duration::MAX).map_err(Unavailable::from)?;
        // Another process may have built some meanwhile.
        for Missing { home, form_type } in missing(&mut builder)? {
            let name = identifier(&format!("forms_of_{form_type}"));
            let create = format!(
                "CREATE INDEX CONCURRENTLY {name} ON {home}.forms (id) WHERE form_type = {} AND erased_at IS NULL",
                literal(&form_type)
            );
            let built = builder.create(&format!("{home}.{name}"), &create);
            let built = built.map(|()| true).map_err(|error| PublishError::of(&name, error));
            published.note(&form_type, built)?;
        }
        Ok(published)
    }
}

fn missing(builder: &mut Builder<'_>) -> Result<Vec<Missing>, Unavailable> {
    Ok(sql_query(MISSING).load(&mut builder.connection)?)
}
