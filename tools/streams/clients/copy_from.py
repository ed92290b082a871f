"""Reads a file of a stream with PostgreSQL's own COPY FROM, and has PostgreSQL compare every value with the table.

    copy_from.py csv|jsonl DATABASE FILE

Lists go into columns of type jsonb. Prints {"rows": …, "values": …, "different": …, "examples": […]}.
"""

import json
import sys

import psycopg2
from compare import COLUMNS, TABLE

# A bytea is base64 in the file.
AS_TEXT = ("bytea",)
LISTS = ("list",)
FLOATS = ("real", "double")
TYPES = {"real": "real", "double": "double precision"}


def main(format, database, file):
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SET timezone = 'UTC'")
        {"csv": load_csv, "jsonl": load_lines}[format](cursor, file)
        same = {name: ({"csv": same_in_csv, "jsonl": same_in_json}[format](cursor, name, kind)) for name, kind in COLUMNS.items()}
        counts = ", ".join(f"count(*) FILTER (WHERE NOT ({expression}))" for expression in same.values())
        cursor.execute(
            f"SELECT count(*), count(*) FILTER (WHERE t.id IS NULL OR c.id IS NULL), {counts}"
            f" FROM {TABLE} t FULL JOIN copied c ON c.id = t.id"
        )
        rows, alone, *different = cursor.fetchone()
    examples = [f"{count} rows: {name}" for name, count in zip(COLUMNS, different, strict=True) if count]
    if alone:
        examples.append(f"{alone} rows are in only one of the two")
    print(json.dumps({"rows": rows, "values": rows * len(COLUMNS), "different": alone + sum(different), "examples": examples}))


def load_csv(cursor, file):
    cursor.execute(f"CREATE TEMPORARY TABLE copied (LIKE {TABLE})")
    for name, kind in COLUMNS.items():
        if kind in AS_TEXT:
            cursor.execute(f'ALTER TABLE copied ALTER "{name}" TYPE text USING NULL')
        if kind in LISTS:
            cursor.execute(f'ALTER TABLE copied ALTER "{name}" TYPE jsonb USING NULL')
    with open(file, "rb") as bytes_:
        cursor.copy_expert("COPY copied FROM STDIN (FORMAT csv, HEADER true)", bytes_)


def load_lines(cursor, file):
    cursor.execute("CREATE TEMPORARY TABLE lines (line jsonb)")
    with open(file, "rb") as bytes_:
        # No line of JSON has one of these characters, so nothing is a quote or a delimiter.
        cursor.copy_expert(r"COPY lines FROM STDIN (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02')", bytes_)
    cursor.execute("CREATE TEMPORARY TABLE copied AS SELECT (line->>'id')::bigint AS id, line FROM lines")


def same_in_csv(_cursor, name, kind):
    ours, theirs = f't."{name}"', f'c."{name}"'
    if kind == "bytea":
        return f"{ours} IS NOT DISTINCT FROM decode({theirs}, 'base64')"
    if kind == "list":
        # As text, so that the scale of a number counts.
        return f"to_jsonb({ours})::text IS NOT DISTINCT FROM {theirs}::text"
    return f"{text_of(ours, kind)} IS NOT DISTINCT FROM {text_of(theirs, kind)}"


def same_in_json(cursor, name, kind):
    ours, member = f't."{name}"', f"(c.line->>'{name}')"
    if kind == "bytea":
        return f"{ours} IS NOT DISTINCT FROM decode({member}, 'base64')"
    if kind in ("list", "json"):
        # SQL's null and JSON's are the same in JSON.
        return f"to_jsonb({ours})::text IS NOT DISTINCT FROM (c.line->'{name}')::text OR {member} IS NULL AND ({ours} IS NULL OR to_jsonb({ours}) = 'null')"
    if kind in FLOATS:
        finite = f"CASE WHEN {ours} NOT IN ('NaN', 'Infinity', '-Infinity') THEN {ours}::text END"
        # As numbers, because jsonb has no negative zero.
        return f"{finite}::{TYPES[kind]} IS NOT DISTINCT FROM {member}::{TYPES[kind]}"
    if kind == "numeric":
        return f"CASE WHEN {ours} <> 'NaN' THEN {ours}::text END IS NOT DISTINCT FROM {member}"
    if kind == "time":
        cursor.execute(f'SELECT pg_typeof("{name}") FROM {TABLE} LIMIT 1')
        (type_,) = cursor.fetchone()
        return f"{ours} IS NOT DISTINCT FROM {member}::{type_}"
    return f"{text_of(ours, kind)} IS NOT DISTINCT FROM {member}"


def text_of(column, kind):
    """As text, so that scale and the sign of a zero count."""
    return f"CASE WHEN {column} IS NOT NULL THEN concat({column}) END" if kind == "padded" else f"{column}::text"


if __name__ == "__main__":
    main(*sys.argv[1:])
