#!/usr/bin/env python3
"""Finds sentences that do not read like plain English.

    plain_english.py [--max RATE] [--list N] [PATH…]      default: the files git tracks, RATE 1.5, N 40

Reads comments and string literals of Rust, comments of other source files, and Markdown as a whole.
Prints the lines that a reader has to decode, and their rate per 1,000 words. Exits 1 if the rate is above RATE.
It is a smoke detector, not a judge: a good sentence may match, and a bad one may not. CONTRIBUTING.md has the rules.
"""

import argparse
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
READ = re.compile(r"\.(rs|md|py|sh|tf|sql|ya?ml|mk)$|(^|/)Makefile$")
# A released migration never changes, not even its comments.
SKIPPED = re.compile(r"(^|/)(target|node_modules|migrations)/|CHANGELOG|LICENSE|checks/plain_english\.py")

RULES = {
    name: re.compile(pattern)
    for name, pattern in {
        "nominal what/whatever/whoever": r"(?:^|[.:;,] |and |or |of |on |for |by |with |from |in |to |is |that )"
        r"(?:what|whatever|whoever|whom)\b(?! is (?:new|it)\b)(?=[^?]*$)",
        "where = if": r"(?:, |\b(?:and|but|only|even|except) )where "
        r"(?:it|there|one|all|some|that|this|they|nothing|SQS|the|a|an|no) |^Where (?:it|there|one|all|nothing|no) ",
        "so long / so many": r"\bso (?:long|many|much|often|few)\b(?! as| that)",
        "told / tells": r"\b(?:is|are|was|be|not|it|that) told\b|\btells (?:what|whom|which|of)\b",
        "is no + noun": r"\b(?:is|are|was) no (?!longer\b|more\b|other\b|such\b|need\b|way\b|one\b|limit\b)[a-z]+",
        "but for / but the": r"\bbut (?:for|the one|those|that of)\b|\bnothing but\b",
        "at the most / for ever / mend": r"\bat the most\b|\bfor ever\b|\bmend(?:s|ed|ing)?\b|\bin hand\b"
        r"|\bas good as none\b",
        "those that / all that / one that": r"\b(?:those|all|one|ones) that\b",
        "for = because": r", for (?:it|they|the|that|there|with|this) (?:is|are|has|have|was|can|so|no)\b",
        "genitive first": r"(?:^|[.;] )Of (?:the|a|an|SQS|these|those|it) [^,.]*,? (?:the|none|only|no)\b",
    }.items()
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--max", type=float, default=1.5, metavar="RATE")
    parser.add_argument("--list", type=int, default=40, metavar="N")
    parser.add_argument("paths", nargs="*", metavar="PATH", type=Path)
    arguments = parser.parse_args()
    paths = [path for path in arguments.paths or tracked() if READ.search(str(path)) and not SKIPPED.search(str(path))]

    words = 0
    found: list[tuple[str, str]] = []
    for path in paths:
        for number, text in sentences(path):
            words += len(re.findall(r"[A-Za-z]{2,}", text))
            for name, rule in RULES.items():
                found += [(name, f"{path}:{number}: {name}: {text.strip()[:150]}") for _ in rule.finditer(text)]
    rate = 1000 * len(found) / max(words, 1)
    for _, line in found[: arguments.list]:
        print(line)
    for name, count in Counter(name for name, _ in found).most_common():
        print(f"{count:6}  {name}")
    print(f"Plain English: {len(found)} in {words} words, {rate:.1f} per 1,000 (at most {arguments.max})")
    return int(rate > arguments.max)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for path in map(ROOT.joinpath, listed.splitlines()) if path.is_file()]


def sentences(path: Path) -> Iterator[tuple[int, str]]:
    """The prose of a file, line by line, with line numbers."""
    fenced = False
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
        if path.suffix == ".md":
            if line.lstrip().startswith("```"):
                fenced = not fenced
            if not fenced and not line.startswith("    "):
                yield number, line
        elif path.suffix == ".rs":
            if comment := re.search(r"//[/!]?\s?(.*)", line):
                yield number, comment.group(1)
            else:
                yield from ((number, literal) for literal in re.findall(r'"((?:[^"\\]|\\.){20,})"', line))
        elif not line.startswith("#!") and (comment := re.search(r"(?:#|--|//)\s(.*)", line)):
            yield number, comment.group(1)


if __name__ == "__main__":
    sys.exit(main())
