//! Finds out whether the table takes rows, and leaves none behind.

use diesel::{connection::SimpleConnection, prelude::*};

/// Inserts a row and takes it back, in one statement: if this process dies, nothing stays open.
///
/// `SELECT 1` would succeed even if the database is read-only or its disk is full. The row is
/// larger than a page and random, so that it does not compress: a smaller one might fit into free
/// space of the last page of a full disk.
///
/// Operators add constraints, partitions and triggers, each of which may refuse this row and still
/// accept real ones. So the next attempt is a copy of the newest row, with other ids. A constraint
/// that refuses the copy too, such as one that allows each content only once, concerns the row: a
/// database that checks it can write. An exception of a trigger does not prove that.
///
/// An error message about the copy may quote its data, so the message is replaced; its SQLSTATE
/// stays. The exceptions undo the inserts. What remains is an empty transaction, whose COMMIT waits
/// for synchronous standbys like every other.
const PROBE: &str = "
DO $$
DECLARE
    refused_with text;
BEGIN
    BEGIN
        INSERT INTO forms (form_type, submission_id, sqs_message_id, received_at, data)
            SELECT 'form', gen_random_uuid(), gen_random_uuid(), now(),
                   jsonb_build_object('data', string_agg(gen_random_uuid()::text, ''))
                FROM generate_series(1, 300);
        RAISE SQLSTATE 'PROBE';
    EXCEPTION
        WHEN SQLSTATE 'PROBE' THEN RETURN;
        WHEN OTHERS THEN
            -- The database itself: connections, transactions, rights, resources, a stop, the system.
            IF left(sqlstate, 2) IN ('08', '25', '40', '42', '53', '55', '57', '58', 'XX') THEN
                RAISE;
            END IF;
            refused_with := left(sqlstate, 2);
    END;
    BEGIN
        INSERT INTO forms (form_type, submission_id, sqs_message_id, received_at, data)
            SELECT form_type, CASE WHEN submission_id IS NOT NULL THEN gen_random_uuid() END,
                   gen_random_uuid(), received_at, data
                FROM forms ORDER BY id DESC LIMIT 1;
        IF NOT FOUND AND refused_with NOT IN ('22', '23', '44', '54') THEN
            RAISE EXCEPTION USING MESSAGE = 'a trigger refuses rows';
        END IF;
        RAISE SQLSTATE 'PROBE';
    EXCEPTION
        WHEN SQLSTATE 'PROBE' OR integrity_constraint_violation OR with_check_option_violation
            OR data_exception OR program_limit_exceeded THEN NULL;
        WHEN raise_exception THEN
            RAISE EXCEPTION USING MESSAGE = 'a trigger refuses rows';
        WHEN OTHERS THEN
            RAISE EXCEPTION USING ERRCODE = sqlstate, MESSAGE = 'a copy of a row could not be inserted';
    END;
END
$$";

/// Fails if the table takes no rows.
pub(crate) fn insert_and_undo(connection: &mut PgConnection) -> QueryResult<()> {
    connection.batch_execute(PROBE)
}
