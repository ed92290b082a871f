"""Opens files with LibreOffice without a screen, and prints the cells of column B as LibreOffice has them.

    spreadsheet.py DIRECTORY FILE…

Prints {FILE: [{"formula": … or null, "text": …}, …]}, with the header first. LibreOffice writes the cells as XML, in
which a cell that runs has an attribute with its formula.
"""

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
# Comma, quotation mark, UTF-8, from line 1.
CSV = "CSV:44,34,76,1"


def main(directory, *files):
    opened = {}
    for file in map(Path, files):
        command = [
            "soffice", "--headless", "--norestore", f"-env:UserInstallation=file://{directory}/profile",
            "--convert-to", "fods", "--outdir", str(directory), str(file),
        ]
        if file.suffix == ".csv":
            command.insert(4, f"--infilter={CSV}")
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, timeout=300)
        opened[file.name] = cells(Path(directory, file.stem).with_suffix(".fods"))
    print(json.dumps(opened))


def cells(file):
    rows = ElementTree.parse(file).getroot().iter(f"{TABLE}table-row")
    found = []
    for row in rows:
        # A repeated cell stands for several.
        columns = [cell for cell in row for _ in range(min(int(cell.get(f"{TABLE}number-columns-repeated", 1)), 3))]
        if len(columns) > 1 and columns[0].find(f"{TEXT}p") is not None:
            text = "\n".join(map(text_of, columns[1].findall(f"{TEXT}p")))
            found.append({"formula": columns[1].get(f"{TABLE}formula"), "text": text})
    return found


def text_of(element):
    special = {f"{TEXT}s": " ", f"{TEXT}tab": "\t", f"{TEXT}line-break": "\n"}
    parts = [element.text or ""]
    for child in element:
        parts.append(special[child.tag] * int(child.get(f"{TEXT}c", 1)) if child.tag in special else text_of(child))
        parts.append(child.tail or "")
    return "".join(parts)


if __name__ == "__main__":
    main(*sys.argv[1:])
