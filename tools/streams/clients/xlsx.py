"""Reads an XLSX with openpyxl, and compares every value with the table.

    xlsx.py DATABASE FILE READERS

READERS is the directory of readers.py, which knows how Excel holds each type. Prints as compare.py does.
"""

import json
import sys

import psycopg2
from compare import COLUMNS, TABLE, expected_sql

KINDS = {"numeric": "Numeric", "real": "Real", "double": "Double", "bool": "Boolean", "date": "Date", "json": "Json"}
INTEGERS = {"small": "SmallInt", "whole": "Integer"}


def main(database, file, readers):
    sys.path.insert(0, readers)
    from readers import compare_xlsx, xlsx_openpyxl

    described = [description(name, kind) for name, kind in COLUMNS.items()]
    rows, numbers = table(database)
    found = xlsx_openpyxl(file, {"columns": described})
    values = different = 0
    examples = [] if len(found) == len(rows) else [f"{len(found)} rows instead of {len(rows)}"]
    different += abs(len(found) - len(rows))
    for cells, texts, micros in zip(found, rows, numbers, strict=False):
        for column, cell, text, number in zip(described, cells, texts, micros, strict=True):
            values += 1
            if text is None or text == "" and cell is None:
                # An empty text is an empty cell for openpyxl.
                equal = cell is None
            else:
                equal = cell is not None and compare_xlsx(column, cell, text, number)
            if not equal:
                different += 1
                if len(examples) < 20:
                    examples.append(f"row {texts[0]}, {column['name']}: {text!r} became {cell!r}")
    print(json.dumps({"rows": len(rows), "values": values, "different": different, "examples": examples}))


def description(name, kind):
    types = {"int": INTEGERS.get(name, "BigInt"), "time": "TimestampTz" if name == "instant" else "Timestamp", "bytea": "Bytea"}
    return {"name": name, "type": types.get(kind) or KINDS.get(kind, "Text"), "list": kind == "list", "description": None}


def table(database):
    text = {"bytea": '"{}"::text', "time": '"{}"::text'}
    columns = [text[kind].format(name) if kind in text else expected_sql(name, kind) for name, kind in COLUMNS.items()]
    moments = {"time": expected_sql, "date": lambda name, _: f"(\"{name}\" - date '1970-01-01')::text"}
    numbers = [moments[kind](name, kind) if kind in moments else "NULL" for name, kind in COLUMNS.items()]
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute("SET timezone = 'UTC'")
        cursor.execute(f"SELECT {', '.join(columns + numbers)} FROM {TABLE} r ORDER BY r.id")
        rows = cursor.fetchall()
    return [row[: len(COLUMNS)] for row in rows], [row[len(COLUMNS) :] for row in rows]


if __name__ == "__main__":
    main(*sys.argv[1:])
