//! The table `forms`, seen from outside over a connection of its own.

use anyhow::Result;
use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query,
    sql_types::{BigInt, Nullable},
};

pub struct FormsTable(PgConnection);

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
pub struct VisibleRow {
    #[diesel(sql_type = BigInt)]
    pub id: i64,
    /// `data.number` of the form.
    #[diesel(sql_type = Nullable<BigInt>)]
    pub number: Option<i64>,
}

impl FormsTable {
    pub fn connect(url: &str) -> Result<Self> {
        Ok(Self(PgConnection::establish(url)?))
    }

    /// Roughly the number of rows, and much faster than counting them.
    pub fn highest_id(&mut self) -> Result<u64> {
        self.number("select coalesce(max(id), 0) as number from forms")
    }

    pub fn count(&mut self) -> Result<u64> {
        self.number("select count(*) as number from forms")
    }

    pub fn count_above(&mut self, id: u64) -> Result<u64> {
        self.number(&format!("select count(*) as number from forms where id > {id}"))
    }

    pub fn rows_above(&mut self, id: i64) -> Result<Vec<VisibleRow>> {
        let statement =
            "select id, (data #>> '{data,number}')::bigint as number from forms where id > $1";
        Ok(sql_query(statement).bind::<BigInt, _>(id).load(&mut self.0)?)
    }

    /// The watermark; `None` in the schema of a revision that has none.
    pub fn watermark(&mut self) -> Result<Option<i64>> {
        let has_one = "select count(*) as number from pg_class where relname = 'watermarks'";
        if self.number(has_one)? == 0 {
            return Ok(None);
        }
        let watermark = "select id as number from watermarks where relation = 'forms'";
        Ok(Some(sql_query(watermark).get_result::<Number>(&mut self.0)?.number))
    }

    fn number(&mut self, statement: &str) -> Result<u64> {
        Ok(sql_query(statement).get_result::<Number>(&mut self.0)?.number as u64)
    }
}
