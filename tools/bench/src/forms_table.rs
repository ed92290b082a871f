//! The table `forms`, seen from outside over a connection of its own.

use anyhow::Result;
use diesel::{
    Connection, PgConnection, QueryableByName, RunQueryDsl,
    connection::SimpleConnection,
    sql_query,
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

    /// Whether the submissions are published for readers.
    pub fn is_published(&mut self) -> Result<bool> {
        let view = "select count(to_regclass('submissions.registration')) as number";
        Ok(self.number(view)? == 1)
    }

    /// Makes `last_published` ready. Planning the view for each look would take a large part of one processor.
    pub fn prepare_last_published(&mut self) -> Result<()> {
        self.0.batch_execute(
            "set plan_cache_mode = force_generic_plan; \
             prepare last_published (bigint) as select coalesce(max(id), $1) as number from \
             submissions.registration where id > $1",
        )?;
        Ok(())
    }

    /// The last id that readers see; they have read the relation up to `id`.
    pub fn last_published(&mut self, id: i64) -> Result<i64> {
        Ok(self.number(&format!("execute last_published ({id})"))? as i64)
    }

    fn number(&mut self, statement: &str) -> Result<u64> {
        Ok(sql_query(statement).get_result::<Number>(&mut self.0)?.number as u64)
    }
}
