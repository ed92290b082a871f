"""Reads a file with a reader that we did not write, and compares every value with the table.

    readers.py READER FILE TABLE.json

TABLE.json has the columns (name, type, list, description), the rows as PostgreSQL's text, and for dates and times the
days and microseconds since 1970 as PostgreSQL computes them. Prints the first differences and exits 1, or prints how
many rows are equal.
"""

import base64
import csv
import json
import math
import struct
import sys
import zipfile
from datetime import date, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree

NAN = ("NaN", "Infinity", "-Infinity")
NUMBERS = ("SmallInt", "Integer", "BigInt", "Numeric", "Real", "Double")
INTEGERS = ("SmallInt", "Integer", "BigInt")
MICROS_PER_DAY = 86_400_000_000


def main():
    reader, file, table = sys.argv[1:]
    with open(table, encoding="utf-8") as text:
        table = json.load(text)
    numbers = table["numbers"] or [[None] * len(table["columns"])] * len(table["rows"])
    rows = READERS[reader](file, table)
    differences = []
    if len(rows) != len(table["rows"]):
        differences.append(f"{len(rows)} rows instead of {len(table['rows'])}")
    compare = COMPARE[reader.split("-")[0]]
    for row, expected, number in zip(rows, table["rows"], numbers, strict=False):
        if len(row) != len(expected):
            differences.append(f"row {expected[0]} has {len(row)} cells")
            continue
        for column, found, text, micros in zip(table["columns"], row, expected, number, strict=True):
            if text is None or found is None:
                # JSON has no number that is not finite.
                equal = found is None and (text is None or reader == "jsonl-python" and text in NAN)
            else:
                equal = compare(column, found, text, micros)
            if not equal:
                differences.append(f"row {expected[0]}, {column['name']}: {text!r} ({micros}) became {found!r}")
    for difference in differences[:20]:
        print(difference)
    if differences:
        sys.exit(1)
    print(f"{len(rows)} rows equal")


# Each reader returns the rows as lists, with None for null.


def csv_python(file, table):
    with open(file, encoding="utf-8", newline="") as text:
        rows = list(csv.reader(text, strict=True))
    return with_nulls(rows[1:], table)


def csv_pandas(file, table):
    import pandas

    frame = pandas.read_csv(file, dtype=str, keep_default_na=False)
    return with_nulls(frame.values.tolist(), table)


def with_nulls(rows, table):
    """For readers that give empty text for both; PostgreSQL and DuckDB are the ones that check the difference."""
    return [
        [None if found == "" and text is None else found for found, text in zip(row, cells, strict=True)]
        for row, cells in zip(rows, table["rows"], strict=True)
    ]


def csv_duckdb(file, table):
    import duckdb

    columns = {column["name"]: "VARCHAR" for column in table["columns"]}
    relation = duckdb.read_csv(
        file, columns=columns, header=True, delimiter=",", quotechar='"', escapechar='"', auto_detect=False,
        allow_quoted_nulls=False,
    )
    return [list(row) for row in relation.fetchall()]


def jsonl_python(file, table):
    names = [column["name"] for column in table["columns"]]
    rows = []
    with open(file, encoding="utf-8", newline="\n") as lines:
        for line in lines:
            row = json.loads(line, parse_float=Decimal, parse_int=Decimal)
            assert list(row) == names
            rows.append(list(row.values()))
    return rows


def jsonl_pandas(file, _):
    import pandas

    # Numbers are text here: pandas makes doubles of integers beside a null.
    frame = pandas.read_json(file, lines=True, dtype=False, convert_dates=False, dtype_backend="pyarrow")
    return [[None if value is pandas.NA else value for value in row] for row in frame.values.tolist()]


def jsonl_duckdb(file, table):
    import duckdb

    columns = {column["name"]: "BIGINT" if column["type"] == "BigInt" else "VARCHAR" for column in table["columns"]}
    relation = duckdb.read_json(file, columns=columns, format="newline_delimited")
    return [list(row) for row in relation.fetchall()]


def parquet_pyarrow(file, table):
    import pyarrow
    from pyarrow import parquet

    read = parquet.read_table(file)
    read.validate(full=True)
    columns = []
    for column in table["columns"]:
        field = read.schema.field(column["name"])
        described = (field.metadata or {}).get(b"description")
        assert described == (column["description"] and column["description"].encode()), (field, described)
        expected = arrow_type(pyarrow, column)
        assert field.type == expected, (field, expected)
        array = read.column(column["name"])
        columns.append(array.cast(as_numbers(pyarrow, expected)).to_pylist())
    return [list(row) for row in zip(*columns, strict=True)]


def arrow_type(pyarrow, column):
    types = {
        "SmallInt": pyarrow.int16(),
        "Integer": pyarrow.int32(),
        "BigInt": pyarrow.int64(),
        "Real": pyarrow.float32(),
        "Double": pyarrow.float64(),
        "Boolean": pyarrow.bool_(),
        "Date": pyarrow.date32(),
        "Timestamp": pyarrow.timestamp("us"),
        "TimestampTz": pyarrow.timestamp("us", "UTC"),
        "Bytea": pyarrow.binary(),
    }
    scalar = types.get(column["type"], pyarrow.string())
    return pyarrow.list_(pyarrow.field("element", scalar)) if column["list"] else scalar


def as_numbers(pyarrow, kind):
    """Python's own dates end at the year 9999."""
    if pyarrow.types.is_list(kind):
        return pyarrow.list_(pyarrow.field("element", as_numbers(pyarrow, kind.value_type)))
    if pyarrow.types.is_timestamp(kind):
        return pyarrow.int64()
    return pyarrow.int32() if pyarrow.types.is_date(kind) else kind


def parquet_duckdb(file, table):
    import duckdb

    def expression(column):
        name = f'"{column["name"]}"'
        if column["type"] == "Date":
            number = "x - date '1970-01-01'"
        elif column["type"] in ("Timestamp", "TimestampTz"):
            number = "epoch_us(x)"
        else:
            return name
        return f"[{number} for x in {name}]" if column["list"] else number.replace("x", name, 1)

    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    types = dict(connection.execute("select column_name, column_type from (describe from read_parquet(?))", [file]).fetchall())
    for column in table["columns"]:
        assert types[column["name"]] == duckdb_type(column), (column, types[column["name"]])
    columns = ", ".join(expression(column) for column in table["columns"])
    return [list(row) for row in connection.execute(f"select {columns} from read_parquet(?)", [file]).fetchall()]


def duckdb_type(column):
    types = {
        "SmallInt": "SMALLINT",
        "Integer": "INTEGER",
        "BigInt": "BIGINT",
        "Real": "FLOAT",
        "Double": "DOUBLE",
        "Boolean": "BOOLEAN",
        "Date": "DATE",
        "Timestamp": "TIMESTAMP",
        "TimestampTz": "TIMESTAMP WITH TIME ZONE",
        "Bytea": "BLOB",
    }
    return types.get(column["type"], "VARCHAR") + "[]" * column["list"]


def parquet_pandas(file, _):
    import pandas

    frame = pandas.read_parquet(file, dtype_backend="pyarrow")
    rows = frame.values.tolist()
    return [[None if value is pandas.NA else list(value) if hasattr(value, "tolist") else value for value in row] for row in rows]


def parquet_numeric_double(file, table):
    from pyarrow import parquet

    read = parquet.read_table(file)
    assert str(read.schema.field("numeric").type) == "double"
    table["columns"] = [{**column, "type": column["type"].replace("Numeric", "Double")} for column in table["columns"]]
    return [list(row.values()) for row in read.to_pylist()]


def xlsx_openpyxl(file, table):
    import openpyxl

    workbook = openpyxl.load_workbook(file)
    sheet = workbook.active
    assert sheet.freeze_panes == "A2"
    header = [(cell.value, cell.font.b) for cell in sheet[1]]
    assert header == [(column["name"], True) for column in table["columns"]], header
    assert not any(cell.data_type == "f" for row in sheet.iter_rows() for cell in row)
    serials = raw_numbers(file)
    # openpyxl rounds a time to a millisecond, so the number itself is compared as well.
    return [
        [None if cell.value is None else (cell.value, serials.get(cell.coordinate)) for cell in row]
        for row in sheet.iter_rows(min_row=2)
    ]


def raw_numbers(file):
    names = {"s": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    with zipfile.ZipFile(file) as parts:
        assert parts.testzip() is None
        sheet = ElementTree.fromstring(parts.read("xl/worksheets/sheet1.xml"))
    cells = sheet.iterfind(".//s:c", names)
    return {cell.get("r"): cell.findtext("s:v", namespaces=names) for cell in cells}


def xlsx_pandas(file, table):
    import pandas

    frame = pandas.read_excel(file, dtype=object, keep_default_na=False, na_values=[])
    expected = table["rows"]
    return [
        [None if text is None and found == "" else (found, str(found)) for found, text in zip(row, cells, strict=True)]
        for row, cells in zip(frame.values.tolist(), expected, strict=True)
    ]


# Each comparison gets two values that are not null.


def compare_text(_column, found, text, _number):
    return found == text


def compare_json(column, found, text, _number):
    if column["type"] == "BigInt" and not column["list"]:
        return int(found) == int(text)
    if column["list"]:
        expected = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        if column["type"] == "Bytea":
            expected = [element and base64.b64encode(bytes.fromhex(element[2:])).decode() for element in expected]
            # Empty bytea is not null.
            return [element or "" for element in found] == [element or "" for element in expected]
        return found == expected
    if column["type"] in NUMBERS:
        return str(found) == str(Decimal(text))
    if column["type"] == "Boolean":
        return found == (text == "true")
    if column["type"] == "Bytea":
        return base64.b64decode(found, validate=True) == bytes.fromhex(text[2:])
    if column["type"] in ("Timestamp", "TimestampTz"):
        return found.replace("T", " ").startswith(text[:10])
    return found == text


def compare_parquet(column, found, text, number):
    if not column["list"]:
        return equal_scalar(column["type"], found, text, number)
    expected = json.loads(text, parse_float=str, parse_int=str)
    if column["type"] == "Json":
        return [element and json.loads(element) for element in found] == json.loads(text)
    if len(expected) != len(found):
        return False
    for element, value in zip(expected, found, strict=True):
        if element is None or value is None:
            if element is not value:
                return False
        elif not equal_scalar(column["type"], value, str(element), None):
            return False
    return True


def equal_scalar(kind, found, text, number):
    if kind in INTEGERS:
        return found == int(text)
    if kind == "Real":
        return equal_double(found, struct.unpack("f", struct.pack("f", float(text)))[0])
    if kind == "Double":
        return equal_double(found, float(text))
    if kind == "Boolean":
        return found == (text.lower() == "true")
    if kind == "Bytea":
        return found == bytes.fromhex(text[2:])
    if kind == "Date":
        expected = number or (date.fromisoformat(text) - date(1970, 1, 1)).days
        return found == int(expected)
    if kind in ("Timestamp", "TimestampTz"):
        return found == int(number or micros(text))
    return found == text


def micros(text):
    """Of a time in a list, where PostgreSQL writes RFC 3339 in the zone of the session."""
    # Python knows offsets with seconds, and their years from 1.
    moment = datetime.fromisoformat(text)
    epoch = datetime(1970, 1, 1, tzinfo=moment.tzinfo)
    offset = moment.utcoffset() or timedelta()
    return (moment - epoch - offset) // timedelta(microseconds=1)


def equal_double(found, expected):
    return struct.pack("d", found) == struct.pack("d", expected) or math.isnan(found) and math.isnan(expected)


def compare_xlsx(column, found, text, number):
    found, serial = found
    kind = column["type"]
    if column["list"] or kind not in (*NUMBERS, "Boolean", "Date", "Timestamp", "TimestampTz", "Bytea"):
        if kind == "Bytea":
            return isinstance(found, str) and json.loads(found) == [
                element and base64.b64encode(bytes.fromhex(element[2:])).decode() for element in json.loads(text)
            ]
        # openpyxl does not undo this escape, but Excel does.
        return isinstance(found, str) and found.replace("_x005F_", "_") == text
    if kind == "Boolean":
        return found is (text == "true")
    if kind == "Bytea":
        return base64.b64decode(found) == bytes.fromhex(text[2:])
    if kind in NUMBERS:
        digits = len(text.lstrip("-0.").replace(".", ""))
        is_text = text in NAN or (digits > 15 if kind not in ("Real", "Double") else not 2.229e-308 <= abs(float(text)) <= 9.99e307 and float(text) != 0)
        return found == text if is_text else isinstance(found, int | float) and float(serial) == float(text)
    days, rest = (int(number), 0) if kind == "Date" else divmod(int(number), MICROS_PER_DAY)
    if isinstance(found, str):
        # Only a time that Excel cannot hold is text.
        too_fine = rest % 1000 != 0 and days > 40_000
        return (not -25_567 <= days < 2_932_897 or too_fine) and found.replace("T", " ")[:10] == text[:10]
    # A reader makes a double of it, whose shortest digits are not its exact value.
    serial = Decimal(float(serial))
    serial += serial < 60
    exact = round((serial - 25_569) * MICROS_PER_DAY) - days * MICROS_PER_DAY - rest
    shown = found - datetime(1970, 1, 1) if isinstance(found, datetime) else found - date(1970, 1, 1)
    expected = timedelta(days=days, microseconds=rest)
    return abs(shown - expected) <= timedelta(milliseconds=1) and abs(exact) <= (0 if rest % 1000 else 500)


READERS = {
    "csv-python": csv_python,
    "csv-pandas": csv_pandas,
    "csv-duckdb": csv_duckdb,
    "jsonl-python": jsonl_python,
    "jsonl-pandas": jsonl_pandas,
    "jsonl-duckdb": jsonl_duckdb,
    "parquet-pyarrow": parquet_pyarrow,
    "parquet-duckdb": parquet_duckdb,
    "parquet-pandas": parquet_pandas,
    "parquet-numeric-double": parquet_numeric_double,
    "xlsx-openpyxl": xlsx_openpyxl,
    "xlsx-pandas": xlsx_pandas,
}
COMPARE = {"csv": compare_text, "jsonl": compare_json, "parquet": compare_parquet, "xlsx": compare_xlsx}

if __name__ == "__main__":
    main()
