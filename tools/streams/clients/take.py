"""Downloads a stream as the documentation of a library says, and reports whether the library noticed an error.

    take.py requests|pandas URL KEY csv|jsonl|parquet

Exits 0 if the library has everything, 3 if it reported an error in the middle; anything else means that the
download did not even begin.
"""

import sys
import urllib.error

REPORTED = 3


def take_with_requests(url, key, _format):
    import requests

    try:
        answer = requests.get(url, headers={"Authorization": f"Bearer {key}"}, timeout=300)
    except requests.exceptions.RequestException as error:
        report(error)
    answer.raise_for_status()


def take_with_pandas(url, key, format):
    import pandas

    read = {
        "csv": pandas.read_csv,
        "jsonl": lambda url, **options: pandas.read_json(url, lines=True, **options),
        "parquet": pandas.read_parquet,
    }[format]
    try:
        read(url, storage_options={"Authorization": f"Bearer {key}"})
    except urllib.error.HTTPError:
        raise
    except Exception as error:
        report(error)


def report(error):
    print(f"{type(error).__name__}: {error}", file=sys.stderr)
    sys.exit(REPORTED)


if __name__ == "__main__":
    library, url, key, format = sys.argv[1:]
    {"requests": take_with_requests, "pandas": take_with_pandas}[library](url, key, format)
