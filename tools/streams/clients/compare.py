"""Reads a file of a stream with a program that we did not write, and compares every value with the table.

    compare.py READER DATABASE FILE

Prints {"rows": …, "values": …, "different": …, "examples": […]}. "values" are those that were compared.
"""

import base64
import json
import struct
import sys

import psycopg2

TABLE = '"org.proof"."L0"'
CHUNK = 50_000

COLUMNS = {
    "id": "int", "small": "int", "whole": "int", "big": "int", "exact": "numeric", "price": "numeric", "single": "real",
    "double": "double", "yes": "bool", "words": "text", "characters": "text", "code": "text", "padded": "padded",
    "day": "date", "moment": "time", "instant": "time", "clock": "text", "span": "text", "uid": "text", "raw": "bytea",
    "doc": "json", "digits": "json", "names": "list", "amounts": "list", "days": "list",
}
# The elements of lists, as Parquet has them.
DATES = ("days",)
# pandas and DuckDB make doubles of the numbers inside of a JSON value, and pandas refuses those that are too large.
WITHOUT_DIGITS = [name for name in COLUMNS if name != "digits"]
NOT_FINITE = ("NaN", "Infinity", "-Infinity")


def expected_sql(name, kind):
    column = f'"{name}"'
    return {
        "time": f"(extract(epoch FROM {column}) * 1000000)::bigint::text",
        "bytea": f"translate(encode({column}, 'base64'), E'\\n', '')",
        "list": f"to_json({column})::text",
        # A cast would take the blanks away.
        "padded": f"CASE WHEN {column} IS NOT NULL THEN concat({column}) END",
    }.get(kind, f"{column}::text")


def chunks_of_table(database):
    """The columns of 50,000 rows at a time, as PostgreSQL's text."""
    with psycopg2.connect(database) as connection, connection.cursor("rows") as cursor:
        cursor.itersize = CHUNK
        columns = ", ".join(expected_sql(name, kind) for name, kind in COLUMNS.items())
        cursor.execute(f"SELECT {columns} FROM {TABLE} r ORDER BY r.id")
        while rows := cursor.fetchmany(CHUNK):
            yield dict(zip(COLUMNS, map(list, zip(*rows)), strict=True))


# Readers: each yields the columns of as many rows as Python's own values, or as text.


def csv_pandas(file):
    import pandas

    for frame in pandas.read_csv(file, dtype=str, keep_default_na=False, chunksize=CHUNK):
        # pandas cannot say null and empty text apart; PostgreSQL and DuckDB can.
        yield {name: frame[name].tolist() for name in COLUMNS}


def csv_duckdb(file):
    import duckdb

    query = (
        "SELECT * FROM read_csv(?, columns = ?, header = true, delim = ',', quote = '\"', escape = '\"',"
        " auto_detect = false, allow_quoted_nulls = false)"
    )
    yield from fetched(duckdb.connect().execute(query, [file, dict.fromkeys(COLUMNS, "VARCHAR")]))


def jsonl_pandas(file):
    import pandas

    read = pandas.read_json(file, lines=True, dtype=False, precise_float=True, chunksize=CHUNK)
    for frame in read:
        yield {name: nulls(frame[name].astype(object)) for name in WITHOUT_DIGITS}


def jsonl_duckdb(file):
    import duckdb

    query = "SELECT * FROM read_json(?, columns = ?, format = 'newline_delimited')"
    # A string of JSON as VARCHAR would lose its quotation marks.
    types = {name: "JSON" if COLUMNS[name] in ("json", "list") else "VARCHAR" for name in WITHOUT_DIGITS}
    yield from fetched(duckdb.connect().execute(query, [file, types]), WITHOUT_DIGITS)


def parquet_pandas(file):
    import pandas

    frame = pandas.read_parquet(file, dtype_backend="pyarrow")
    for start in range(0, len(frame), CHUNK):
        part = frame.iloc[start : start + CHUNK]
        columns = {}
        for name, kind in COLUMNS.items():
            column = part[name]
            if kind == "time":
                # Microseconds, as the file has them.
                column = column.astype("int64[pyarrow]")
            # pyarrow's own values: pandas takes a NaN for a null.
            columns[name] = column.array.__arrow_array__().to_pylist()
        yield columns


def parquet_duckdb(file):
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET timezone = 'UTC'")
    columns = ", ".join(f'epoch_us("{name}")' if kind == "time" else f'"{name}"' for name, kind in COLUMNS.items())
    yield from fetched(connection.execute(f"SELECT {columns} FROM read_parquet(?)", [file]))


def fetched(read, columns=COLUMNS):
    while rows := read.fetchmany(CHUNK):
        yield dict(zip(columns, map(list, zip(*rows)), strict=True))


def nulls(values):
    import pandas

    return [None if value is None or value is pandas.NA or value != value else value for value in values]


# Comparisons: each makes the two columns equal if their values are.


def csv_values(reader, _name, kind, found, expected):
    if reader == "csv-pandas":
        expected = ["" if value is None else value for value in expected]
    return micros(found) if kind == "time" else found, expected


def jsonl_values(reader, name, kind, found, expected):
    if kind in ("numeric", "real", "double"):
        # JSON has no numbers that are not finite.
        expected = [None if value in NOT_FINITE else value for value in expected]
    if kind == "time":
        return micros(found), expected
    if kind == "bool" and reader == "jsonl-pandas":
        expected = [value and value == "true" for value in expected]
    if kind in ("json", "list"):
        # SQL's null and JSON's are the same here, as they are for every reader of JSON. Numbers in lists are text.
        number = {"parse_float": str, "parse_int": str} if kind == "list" else {}
        expected = [value and json.loads(value, **number) for value in expected]
        if reader == "jsonl-duckdb":
            found = [value and json.loads(value) for value in found]
    return found, expected


def parquet_values(_reader, name, kind, found, expected):
    if kind in ("int", "time"):
        return [None if value is None else str(value) for value in found], expected
    if kind in ("real", "double"):
        form = "f" if kind == "real" else "d"
        return bits(found, form), bits([value and float(value) for value in expected], form)
    if kind == "bool":
        return found, [value and value == "true" for value in expected]
    if kind == "date":
        return [value and value.isoformat() for value in found], expected
    if kind == "bytea":
        return [None if value is None else base64.b64encode(value).decode() for value in found], expected
    if kind == "list":
        if name in DATES:
            found = [value and [day and day.isoformat() for day in value] for value in found]
        expected = [value and json.loads(value, parse_float=str, parse_int=str) for value in expected]
        return [None if value is None else list(value) for value in found], expected
    return found, expected


def bits(values, form):
    """Equal for equal numbers only; one NaN is as good as another."""
    return [None if value is None else "nan" if value != value else struct.pack(form, value) for value in values]


def micros(values):
    """Of times in RFC 3339 since 1970."""
    import pandas

    given = [value or None for value in values]
    times = pandas.to_datetime(pandas.Series(given, dtype="object"), format="ISO8601", utc=True).dt.as_unit("us")
    numbers = times.astype("int64").tolist()
    return [value if value in (None, "") else str(number) for value, number in zip(values, numbers, strict=True)]


READERS = {
    "csv-pandas": (csv_pandas, csv_values),
    "csv-duckdb": (csv_duckdb, csv_values),
    "jsonl-pandas": (jsonl_pandas, jsonl_values),
    "jsonl-duckdb": (jsonl_duckdb, jsonl_values),
    "parquet-pandas": (parquet_pandas, parquet_values),
    "parquet-duckdb": (parquet_duckdb, parquet_values),
}


def main(reader, database, file):
    read, make_comparable = READERS[reader]
    found_chunks = read(file)
    rows = values = different = 0
    examples = []
    for expected in chunks_of_table(database):
        found = next(found_chunks, {"id": []})
        rows += len(expected["id"])
        for name in found:
            kind = COLUMNS[name]
            ours, theirs = make_comparable(reader, name, kind, found[name], expected[name])
            values += len(theirs)
            if ours == theirs:
                continue
            if len(ours) != len(theirs):
                different += abs(len(ours) - len(theirs))
                examples.append(f"{name}: {len(ours)} rows instead of {len(theirs)}")
            for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
                if one != other:
                    different += 1
                    if len(examples) < 20:
                        examples.append(f"row {expected['id'][number]}, {name}: {other!r} became {one!r}")
    surplus = sum(len(chunk["id"]) for chunk in found_chunks)
    if surplus:
        different += surplus
        examples.append(f"{surplus} rows too many")
    print(json.dumps({"rows": rows, "values": values, "different": different, "examples": examples}))


if __name__ == "__main__":
    main(*sys.argv[1:])
