//! Adds and changes clients. Each change is one statement, so that it is done or not done.

use std::fmt;

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, Binary, Bool, Nullable, Text},
};

use crate::{store::Store, unavailable::Unavailable};

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

/// What became of a new key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RotatedKey {
    /// It is live.
    Added,
    /// The client has two live keys already.
    TooMany,
    /// There is no such client.
    UnknownClient,
}

/// What became of a key that was to end, or of a client that was to be disabled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedKey {
    /// It has ended now.
    Ended,
    /// It had ended before.
    EndedBefore,
    /// There is no such client, or no such key of this client.
    Unknown,
}

#[derive(QueryableByName)]
struct Done {
    #[diesel(sql_type = Bool)]
    exists_now: bool,
    #[diesel(sql_type = Bool)]
    done: bool,
}

impl fmt::Debug for NewKey<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewKey")
            .field("id", &self.id)
            .field("imported", &self.imported)
            .finish_non_exhaustive()
    }
}

/// The scopes as two arrays; the columns are JSON, because arrays in an array have one length.
const SCOPES: &str = "SELECT s.pattern, CASE WHEN s.columns IS NOT NULL
        THEN ARRAY(SELECT jsonb_array_elements_text(s.columns::jsonb)) END AS columns";

fn as_arrays(scopes: &[NewScope]) -> (Vec<&str>, Vec<Option<String>>) {
    let columns = |scope: &NewScope| {
        let columns = scope.columns.as_ref()?;
        Some(serde_json::Value::from(columns.as_slice()).to_string())
    };
    scopes.iter().map(|scope| (scope.pattern.as_str(), columns(scope))).unzip()
}

impl Store {
    /// Adds a client with its key and its scopes. `false` if the id is taken.
    ///
    /// # Errors
    /// The database is unavailable, or refuses a value.
    pub fn add_client(&self, client: &NewClient<'_>, by: &str) -> Result<bool, Unavailable> {
        let (patterns, columns) = as_arrays(client.scopes);
        // If the connection breaks, the statement runs again and finds its own key.
        let sql = format!(
            "WITH added AS (
                 INSERT INTO clients (id, description, created_by) VALUES ($1, $2, $3)
                     ON CONFLICT DO NOTHING RETURNING id
             ), with_key AS (
                 INSERT INTO client_keys (id, client_id, slot, ciphertext, imported, created_by)
                     SELECT $4, added.id, 1, $5, $6, $3 FROM added
             ), with_scopes AS (
                 INSERT INTO client_scopes (client_id, pattern, columns)
                     SELECT added.id, scope.* FROM added, ({SCOPES} FROM unnest($7, $8) s (pattern, columns)) scope
             ), noted AS (
                 INSERT INTO client_changes (client_id, by, change, detail)
                     SELECT added.id, $3, change.*
                         FROM added, (VALUES ('added', array_to_string($7, ', ')), ('key_added', $4)) change
             )
             SELECT true AS exists_now, EXISTS (SELECT FROM added)
                     OR EXISTS (SELECT FROM client_keys WHERE id = $4 AND client_id = $1) AS done"
        );
        let answer: Done = self.session()?.run(|connection| {
            sql_query(&sql)
                .bind::<Text, _>(client.id)
                .bind::<Text, _>(client.description)
                .bind::<Text, _>(by)
                .bind::<Text, _>(client.key.id)
                .bind::<Binary, _>(client.key.ciphertext)
                .bind::<Bool, _>(client.key.imported)
                .bind::<Array<Text>, _>(&patterns)
                .bind::<Array<Nullable<Text>>, _>(&columns)
                .get_result(connection)
        })?;
        Ok(answer.done)
    }

    /// Gives the client another key, if it has less than two live ones.
    ///
    /// # Errors
    /// The database is unavailable, or refuses a value.
    pub fn add_key(
        &self,
        client: &str,
        key: NewKey<'_>,
        by: &str,
    ) -> Result<RotatedKey, Unavailable> {
        let sql = "WITH free AS (
                SELECT slot::smallint FROM generate_series(1, 2) slot
                    WHERE NOT EXISTS (SELECT FROM client_keys k
                        WHERE k.client_id = $1 AND k.slot = slot.slot AND k.ended_at IS NULL)
                    ORDER BY slot LIMIT 1
            ), added AS (
                INSERT INTO client_keys (id, client_id, slot, ciphertext, imported, created_by)
                    SELECT $2, clients.id, free.slot, $3, $4, $5 FROM clients, free WHERE clients.id = $1
                    ON CONFLICT DO NOTHING RETURNING id
            ), noted AS (
                INSERT INTO client_changes (client_id, by, change, detail) SELECT $1, $5, 'key_added', id FROM added
            )
            SELECT EXISTS (SELECT FROM clients WHERE id = $1) AS exists_now, EXISTS (SELECT FROM added)
                OR EXISTS (SELECT FROM client_keys WHERE id = $2 AND client_id = $1) AS done";
        // If somebody takes the first slot meanwhile, the second one may still be free.
        for attempt in 1.. {
            let answer: Done = self.session()?.run(|connection| {
                sql_query(sql)
                    .bind::<Text, _>(client)
                    .bind::<Text, _>(key.id)
                    .bind::<Binary, _>(key.ciphertext)
                    .bind::<Bool, _>(key.imported)
                    .bind::<Text, _>(by)
                    .get_result(connection)
            })?;
            if answer.done {
                return Ok(RotatedKey::Added);
            }
            if !answer.exists_now {
                return Ok(RotatedKey::UnknownClient);
            }
            if attempt == 3 {
                break;
            }
        }
        Ok(RotatedKey::TooMany)
    }

    /// Ends a key of the client.
    ///
    /// # Errors
    /// The database is unavailable.
    pub fn end_key(&self, client: &str, key: &str, by: &str) -> Result<EndedKey, Unavailable> {
        let answer: Done = self.session()?.run(|connection| {
            sql_query(
                "WITH ended AS (
                     UPDATE client_keys SET ended_at = now()
                         WHERE id = $2 AND client_id = $1 AND ended_at IS NULL RETURNING id
                 ), noted AS (
                     INSERT INTO client_changes (client_id, by, change, detail) SELECT $1, $3, 'key_ended', id FROM ended
                 )
                 SELECT EXISTS (SELECT FROM client_keys WHERE id = $2 AND client_id = $1) AS exists_now,
                     EXISTS (SELECT FROM ended) AS done",
            )
            .bind::<Text, _>(client)
            .bind::<Text, _>(key)
            .bind::<Text, _>(by)
            .get_result(connection)
        })?;
        Ok(answer.ended())
    }

    /// Disables the client; its keys stay as they are.
    ///
    /// # Errors
    /// The database is unavailable.
    pub fn disable_client(&self, client: &str, by: &str) -> Result<EndedKey, Unavailable> {
        let answer: Done = self.session()?.run(|connection| {
            sql_query(
                "WITH ended AS (
                     UPDATE clients SET disabled_at = now() WHERE id = $1 AND disabled_at IS NULL RETURNING id
                 ), noted AS (
                     INSERT INTO client_changes (client_id, by, change) SELECT id, $2, 'disabled' FROM ended
                 )
                 SELECT EXISTS (SELECT FROM clients WHERE id = $1) AS exists_now,
                     EXISTS (SELECT FROM ended) AS done",
            )
            .bind::<Text, _>(client)
            .bind::<Text, _>(by)
            .get_result(connection)
        })?;
        Ok(answer.ended())
    }

    /// Gives the client these scopes and no others. `false` if there is no such client.
    ///
    /// # Errors
    /// The database is unavailable, or refuses a value.
    pub fn set_scopes(
        &self,
        client: &str,
        scopes: &[NewScope],
        by: &str,
    ) -> Result<bool, Unavailable> {
        let (patterns, columns) = as_arrays(scopes);
        let sql = format!(
            "WITH client AS (
                 SELECT id FROM clients WHERE id = $1 FOR UPDATE
             ), removed AS (
                 DELETE FROM client_scopes s USING client WHERE s.client_id = client.id AND s.pattern <> ALL ($2)
             ), added AS (
                 INSERT INTO client_scopes (client_id, pattern, columns)
                     SELECT client.id, scope.* FROM client, ({SCOPES} FROM unnest($2, $3) s (pattern, columns)) scope
                     ON CONFLICT (client_id, pattern) DO UPDATE SET columns = excluded.columns
             ), noted AS (
                 INSERT INTO client_changes (client_id, by, change, detail)
                     SELECT id, $4, 'scopes_set', array_to_string($2, ', ') FROM client
             )
             SELECT EXISTS (SELECT FROM client) AS exists_now, EXISTS (SELECT FROM client) AS done"
        );
        let answer: Done = self.session()?.run(|connection| {
            sql_query(&sql)
                .bind::<Text, _>(client)
                .bind::<Array<Text>, _>(&patterns)
                .bind::<Array<Nullable<Text>>, _>(&columns)
                .bind::<Text, _>(by)
                .get_result(connection)
        })?;
        Ok(answer.done)
    }

    /// Puts another ciphertext in the place of this one. `false` if the key has changed meanwhile.
    ///
    /// # Errors
    /// The database is unavailable.
    pub fn reencrypt_key(&self, key: &str, old: &[u8], new: &[u8]) -> Result<bool, Unavailable> {
        let changed = self.session()?.run(|connection| {
            sql_query(
                "UPDATE client_keys SET ciphertext = $3 WHERE id = $1 AND ciphertext IN ($2, $3)",
            )
            .bind::<Text, _>(key)
            .bind::<Binary, _>(old)
            .bind::<Binary, _>(new)
            .execute(connection)
        })?;
        Ok(changed == 1)
    }
}

impl Done {
    fn ended(&self) -> EndedKey {
        match (self.exists_now, self.done) {
            (_, true) => EndedKey::Ended,
            (true, false) => EndedKey::EndedBefore,
            (false, false) => EndedKey::Unknown,
        }
    }
}
