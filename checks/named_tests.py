#!/usr/bin/env python3
"""Checks that every test that docs/explanation/reliability.md names exists.

    named_tests.py

The page names tests as `crate module::test`, `module::test` or `…::test`. Exits 1 if one does not exist.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/explanation/reliability.md"
NAMED = re.compile(r"`(?:[a-z-]+ )?((?:\w+|…)(?:::\w+)*)::(\w+)`")


def main() -> int:
    functions: dict[str, set[Path]] = defaultdict(set)
    for directory in ("crates", "tools"):
        for file in (ROOT / directory).glob("**/*.rs"):
            for name in re.findall(r"fn (\w+)", file.read_text(encoding="utf-8")):
                functions[name].add(file.relative_to(ROOT))
    faults = []
    named = NAMED.findall(PAGE.read_text(encoding="utf-8"))
    for modules, name in named:
        module = modules.split("::")[0]
        if not functions[name]:
            faults.append(f"{name}: no such test")
        elif module != "…" and not any(module in (file.stem, *file.parts) for file in functions[name]):
            faults.append(f"{module}::{name}: the test is elsewhere, in {', '.join(map(str, functions[name]))}")
    for fault in faults:
        print(f"{PAGE.relative_to(ROOT)}: {fault}", file=sys.stderr)
    print(f"Named tests: {len(named)}, {len(faults)} faults")
    return int(bool(faults) or not named)


if __name__ == "__main__":
    sys.exit(main())
