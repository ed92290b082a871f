//! Adds and changes clients. Each change is one statement or transaction, so that it is done or not.

use diesel::{
    prelude::*,
    sql_query,
    sql_types::{Array, Binary, Bool, Nullable, Text},
};

use super::new::{NewClient, NewKey, NewScope, SCOPES, as_arrays, as_text};
use crate::{store::Store, unavailable::Unavailable};

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
                         FROM added, (VALUES ('added', $9), ('key_added', $4)) change
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
                .bind::<Text, _>(as_text(client.scopes))
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
            "WITH removed AS (
                 DELETE FROM client_scopes WHERE client_id = $1 AND pattern <> ALL ($2)
             ), added AS (
                 INSERT INTO client_scopes (client_id, pattern, columns)
                     SELECT $1, scope.* FROM ({SCOPES} FROM unnest($2, $3) s (pattern, columns)) scope
                     ON CONFLICT (client_id, pattern) DO UPDATE SET columns = excluded.columns
             )
             INSERT INTO client_changes (client_id, by, change, detail) VALUES ($1, $4, 'scopes_set', $5)"
        );
        self.session()?.run(|connection| {
            connection.transaction(|connection| {
                // A statement that waits for another change does not see its scopes, and would leave
                // them. So another statement waits.
                let lock = "SELECT FROM clients WHERE id = $1 FOR NO KEY UPDATE";
                if sql_query(lock).bind::<Text, _>(client).execute(connection)? == 0 {
                    return Ok(false);
                }
                sql_query(&sql)
                    .bind::<Text, _>(client)
                    .bind::<Array<Text>, _>(&patterns)
                    .bind::<Array<Nullable<Text>>, _>(&columns)
                    .bind::<Text, _>(by)
                    .bind::<Text, _>(as_text(scopes))
                    .execute(connection)?;
                Ok(true)
            })
        })
    }

    /// Puts another ciphertext in the place of this one. `false` if the key has changed meanwhile.
    ///
    /// # Errors
    /// The database is unavailable.
    pub fn reencrypt_key(
        &self,
        key: &str,
        old: &[u8],
        new: &[u8],
        by: &str,
    ) -> Result<bool, Unavailable> {
        let answer: Done = self.session()?.run(|connection| {
            sql_query(
                "WITH changed AS (
                     UPDATE client_keys SET ciphertext = $3 WHERE id = $1 AND ciphertext = $2 RETURNING client_id
                 ), noted AS (
                     INSERT INTO client_changes (client_id, by, change, detail)
                         SELECT client_id, $4, 'key_reencrypted', $1 FROM changed
                 )
                 SELECT true AS exists_now, EXISTS (SELECT FROM changed)
                     OR EXISTS (SELECT FROM client_keys WHERE id = $1 AND ciphertext = $3) AS done",
            )
            .bind::<Text, _>(key)
            .bind::<Binary, _>(old)
            .bind::<Binary, _>(new)
            .bind::<Text, _>(by)
            .get_result(connection)
        })?;
        Ok(answer.done)
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
