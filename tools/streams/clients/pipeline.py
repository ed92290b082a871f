"""The consumer of the old data store, step by step as its contract says, with the libraries that it uses.

    pipeline.py '{"base_url", "id", "key", "schema", "table", "database", "target", "files"}'

Prints how many pages it has read. Any deviation from its contract is an exception.
"""

import json
import sys
import time
from pathlib import Path
from urllib.parse import quote

import psycopg2
import psycopg2.extras
import requests
from mohawk import Sender
from psycopg2 import sql

TIMEOUT = 300
TRIES = 5

# The pipeline's own table of types; any other fails the run.
SCALARS = {
    "TEXT": "text",
    "INTEGER": "integer",
    "BIGINT": "bigint",
    "NUMERIC": "numeric",
    "FLOAT": "double precision",
    "BOOLEAN": "boolean",
    "DATE": "date",
    "TIMESTAMP WITHOUT TIME ZONE": "timestamp without time zone",
}
TYPES = SCALARS | {f"{name}[]": f"{kind}[]" for name, kind in SCALARS.items()}


def get(wanted, url):
    """Up to five tries with a back-off, each signed anew; the answer has to be signed."""
    credentials = {"id": wanted["id"], "key": wanted["key"], "algorithm": "sha256"}
    for attempt in range(1, TRIES + 1):
        sender = Sender(credentials, url, "GET", content="", content_type="", always_hash_content=True)
        headers = {"Authorization": sender.request_header, "Content-Type": ""}
        try:
            answer = requests.get(url, headers=headers, timeout=TIMEOUT)
            answer.raise_for_status()
        except requests.exceptions.RequestException:
            if attempt == TRIES:
                raise
            time.sleep(0.2 * 2**attempt)
            continue
        assert answer.request.headers["Accept-Encoding"].startswith("gzip"), answer.request.headers
        sender.accept_response(
            answer.headers["Server-Authorization"], content=answer.content, content_type=answer.headers["Content-Type"]
        )
        return json.loads(answer.text)


def main(wanted):
    assert wanted["schema"].count(".") == 1, "the target is made of org.ds"
    place = f"{quote(wanted['schema'])}/{quote(wanted['table'])}"
    structure = get(wanted, f"{wanted['base_url']}/api/v1/table-structure/{place}")
    columns = [(column["name"], TYPES[column["type"]]) for column in structure["columns"]]

    # Each page is a file first, as the pipeline's are in S3.
    files = Path(wanted["files"])
    files.mkdir()
    pages = []
    url = f"{wanted['base_url']}/api/v1/table-data/{place}?orientation=records"
    while url:
        page = get(wanted, url)
        file = files / f"{len(pages):010}.json"
        file.write_text(json.dumps(page["results"]), encoding="utf-8")
        pages.append(file)
        url = page["next"]

    schema, table = wanted["target"].split(".")
    target, temporary = sql.Identifier(schema, table), sql.Identifier(schema, f"{table}_tmp")
    names = [name for name, _ in columns]
    with psycopg2.connect(wanted["database"]) as connection, connection.cursor() as cursor:
        described = sql.SQL(", ").join(sql.SQL("{} " + kind).format(sql.Identifier(name)) for name, kind in columns)
        cursor.execute(sql.SQL("CREATE TABLE {} ({})").format(temporary, described))
        insert = sql.SQL("INSERT INTO {} ({}) VALUES %s").format(temporary, sql.SQL(", ").join(map(sql.Identifier, names)))
        for file in pages:
            rows = json.loads(file.read_text(encoding="utf-8"))
            psycopg2.extras.execute_values(cursor, insert, [[row[name] for name in names] for row in rows], page_size=500)
        cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(target))
        cursor.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(temporary, sql.Identifier(table)))
    print(len(pages))


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
