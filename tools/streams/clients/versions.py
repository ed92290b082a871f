"""Prints the versions of the programs that read, one in a line."""

import platform
import re
import shutil
import subprocess
from importlib.metadata import version

print("Python", platform.python_version())
for library in ("requests", "mohawk", "pandas", "pyarrow", "duckdb", "openpyxl", "psycopg2-binary"):
    print(library, version(library))
for program, name in (("curl", "curl"), ("psql", "PostgreSQL"), ("soffice", "LibreOffice")):
    if shutil.which(program):
        printed = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
        print(name, re.search(r"\d[\d.]*", printed)[0])
