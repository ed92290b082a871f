#!/usr/bin/env python3
"""Checks the links of all documents: every relative link must lead to a file, and every anchor to a heading.

    links.py

Links to other sites are not followed. A document below docs/ that no other document links to is a fault too, because
nobody would find it. Exits 1 if anything is wrong.
"""

import re
import subprocess
import sys
import urllib.parse
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")

faults: list[str] = []


def main() -> int:
    documents = tracked("*.md")
    linked = {ROOT / "README.md"}
    for document in documents:
        for number, target in links(document):
            if found := check(document, number, target):
                linked.add(found)
    for document in documents:
        if document.is_relative_to(ROOT / "docs") and document not in linked:
            faults.append(f"{document.relative_to(ROOT)}: no other document links to it")
    for fault in faults:
        print(fault, file=sys.stderr)
    print(f"Links: {len(documents)} documents, {len(faults)} faults")
    return int(bool(faults))


def tracked(pattern: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", pattern], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for path in map(ROOT.joinpath, listed.splitlines()) if path.is_file()]


def links(document: Path) -> list[tuple[int, str]]:
    """The links of a document with their line numbers; code is not prose."""
    found, fenced = [], False
    for number, line in enumerate(document.read_text(encoding="utf-8").split("\n"), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        elif not fenced and not line.startswith("    "):
            found += [(number, target) for target in LINK.findall(re.sub(r"`[^`]*`", "", line))]
    return found


def check(document: Path, number: int, target: str) -> Path | None:
    """The file that a link leads to, None for another site or a broken link."""
    if re.match(r"[a-z][a-z0-9+.-]*:", target):
        return None
    where = f"{document.relative_to(ROOT)}:{number}: {target}"
    path, _, anchor = urllib.parse.unquote(target).partition("#")
    file = (document.parent / path).resolve() if path else document
    if not file.is_relative_to(ROOT) or not file.exists():
        faults.append(f"{where} does not exist")
        return None
    if file.is_dir() and (file / "README.md").exists():
        file = file / "README.md"
    if anchor and anchor not in anchors(file):
        faults.append(f"{where} has no such heading")
    return None if file == document else file


@cache
def anchors(file: Path) -> set[str]:
    """The anchors that GitHub makes from the headings of a document."""
    if file.suffix != ".md":
        return set()
    found: set[str] = set()
    fenced = False
    for line in file.read_text(encoding="utf-8").split("\n"):
        if line.startswith("```"):
            fenced = not fenced
        heading = None if fenced else re.match(r"#{1,6}\s+(.*?)\s*#*$", line)
        if heading:
            text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(1))
            slug = re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-")
            count = 0
            while (anchor := f"{slug}-{count}" if count else slug) in found:
                count += 1
            found.add(anchor)
        found.update(re.findall(r'<a (?:id|name)="([^"]+)"', line))
    return found


if __name__ == "__main__":
    sys.exit(main())
