//! `docs/reference/database.md`, generated from the catalog of a fresh database.

use std::fmt::Write as _;

use test_kit::{postgres::TestDatabase, reference};

use crate::support::fixture;

const PAGE: &str = "database.md";

/// Ours, without the list of diesel.
const TABLES: &str = "
    SELECT relname FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') AND relname <> '__diesel_schema_migrations'
        ORDER BY relname";

/// `name|type|not null|meaning`, in the order of the table.
fn columns(table: &str) -> String {
    format!(
        "SELECT attname || '|' || replace(replace(format_type(atttypid, atttypmod),
                    'timestamp with time zone', 'timestamptz'), 'character varying', 'varchar')
                || '|' || CASE WHEN attnotnull THEN ', not null' ELSE '' END
                || '|' || coalesce(col_description(attrelid, attnum), '')
             FROM pg_attribute
             WHERE attrelid = 'public.{table}'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
    )
}

/// Indexes, checks and storage parameters, in order.
fn rules(table: &str) -> String {
    format!(
        "SELECT '1' || CASE WHEN indisprimary THEN 'primary key ' WHEN indisunique THEN 'unique ' ELSE 'index ' END
                 || substring(pg_get_indexdef(indexrelid) FROM ' USING btree (.*)') AS rule
             FROM pg_index WHERE indrelid = 'public.{table}'::regclass
         UNION ALL SELECT '2' || lower(pg_get_constraintdef(oid)) FROM pg_constraint
             WHERE conrelid = 'public.{table}'::regclass AND contype NOT IN ('p', 'u')
         UNION ALL SELECT '3' || option FROM pg_class, unnest(reloptions) option WHERE oid = 'public.{table}'::regclass
         UNION ALL SELECT '4trigger ' || tgname FROM pg_trigger WHERE tgrelid = 'public.{table}'::regclass AND NOT tgisinternal
         ORDER BY rule"
    )
}

/// `signature|result|meaning`.
const FUNCTIONS: &str = "
    SELECT proname || '(' || replace(pg_get_function_identity_arguments(oid), 'timestamp with time zone', 'timestamptz')
            || ')|' || pg_get_function_result(oid) || '|' || coalesce(obj_description(oid, 'pg_proc'), '')
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY proname";

#[track_caller]
fn meaning<'a>(of: &str, text: &'a str) -> &'a str {
    assert!(!text.is_empty(), "{of} has no comment: add COMMENT ON … to its migration");
    text
}

fn table(database: &TestDatabase, name: &str) -> String {
    let mut block = "| column | type | meaning |\n|---|---|---|\n".to_owned();
    for line in database.sql(&columns(name)).lines() {
        let [column, kind, not_null, text] = line.splitn(4, '|').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let text = meaning(&format!("{name}.{column}"), text);
        writeln!(block, "| `{column}` | `{kind}`{not_null} | {text} |").unwrap();
    }
    block.push('\n');
    for rule in database.sql(&rules(name)).lines() {
        writeln!(block, "- `{}`", &rule[1..]).unwrap();
    }
    block
}

#[test]
fn the_page_has_each_table_and_view_as_it_is_in_a_fresh_database() {
    let f = fixture();
    for name in f.database.sql(TABLES).lines() {
        reference::check(PAGE, &format!("table {name}"), &table(&f.database, name));
    }
}

#[test]
fn the_page_has_each_function_as_it_is_in_a_fresh_database() {
    let f = fixture();
    let mut block = "| function | result | meaning |\n|---|---|---|\n".to_owned();
    for line in f.database.sql(FUNCTIONS).lines() {
        let [signature, result, text] = line.splitn(3, '|').collect::<Vec<_>>()[..] else {
            panic!("{line}")
        };
        let text = meaning(signature, text);
        writeln!(block, "| `{signature}` | `{result}` | {text} |").unwrap();
    }
    reference::check(PAGE, "functions", &block);
}
