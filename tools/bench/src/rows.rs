//! The table `forms`, looked at from outside over one connection.

use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Nullable},
};

/// A connection to look with.
pub struct Rows(PgConnection);

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

/// A row that has become visible.
#[derive(QueryableByName)]
pub struct Seen {
    /// The row's id.
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// `data.number` of the form.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub number: Option<i64>,
}

impl Rows {
    /// Connects.
    ///
    /// # Errors
    /// The database is not there.
    pub fn at(url: &str) -> anyhow::Result<Self> {
        Ok(Self(PgConnection::establish(url)?))
    }

    /// The highest id, which tells at once about how many rows there are.
    ///
    /// # Errors
    /// The database does not answer.
    pub fn highest_id(&mut self) -> anyhow::Result<u64> {
        self.number("select coalesce(max(id), 0) as number from forms")
    }

    /// How many rows there are.
    ///
    /// # Errors
    /// The database does not answer.
    pub fn count(&mut self) -> anyhow::Result<u64> {
        self.number("select count(*) as number from forms")
    }

    /// The rows above this id.
    ///
    /// # Errors
    /// The database does not answer.
    pub fn above(&mut self, id: i64) -> anyhow::Result<Vec<Seen>> {
        let statement =
            "select id, (data #>> '{data,number}')::bigint as number from forms where id > $1";
        Ok(sql_query(statement).bind::<BigInt, _>(id).load(&mut self.0)?)
    }

    fn number(&mut self, statement: &str) -> anyhow::Result<u64> {
        Ok(sql_query(statement).get_result::<Number>(&mut self.0)?.number as u64)
    }
}
