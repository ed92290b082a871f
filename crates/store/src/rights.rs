//! Whether this role has the rights that it needs.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, Bool, Text},
};

use crate::{store::Store, unavailable::Unavailable};

#[derive(QueryableByName)]
struct Answer {
    #[diesel(sql_type = Bool)]
    may_call_all: bool,
}

impl Store {
    /// Whether all of these functions are there, and this role may call them.
    pub(crate) fn may_call(&self, functions: &[&str]) -> Result<bool, Unavailable> {
        // A function that is not there, or is in a schema without the right to use it, has no oid.
        let answer: Answer = self.session()?.run(|connection| {
            sql_query(
                "SELECT count(*) = cardinality($1) AS may_call_all FROM unnest($1) AS name
                     WHERE has_function_privilege(to_regprocedure(name), 'EXECUTE')",
            )
            .bind::<Array<Text>, _>(functions)
            .get_result(connection)
        })?;
        Ok(answer.may_call_all)
    }
}
