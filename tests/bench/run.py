# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs tests/bench/bench_*.py, prints one table and writes build/bench.json: a flat object, key to number or null.

Each file has `run() -> dict[str, float | None]` and may have `TARGETS: dict[str, str]`, such as {"a_vs_b": "<= 2.5"}.
`run.py` runs all, `run.py aks` some; the others' figures in build/bench.json stay. Figures inform, they never fail.
"""

from __future__ import annotations

import importlib
import json
import sys
import time
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
OUTPUT = ROOT / "build" / "bench.json"
Figures = dict[str, float | None]
COMPARISONS = {"<=": float.__le__, "<": float.__lt__, ">=": float.__ge__, ">": float.__gt__}


def verdict(value: float | None, target: str) -> str:
    """`ok`, `over` (the target is missed), or nothing without a value or a target."""
    sign, _space, bound = target.partition(" ")
    if value is None or not target:
        return ""
    return "ok" if COMPARISONS[sign](float(value), float(bound)) else "over"


def table(figures: Figures, targets: dict[str, str]) -> list[str]:
    """Lines of the table."""
    width = max(len(key) for key in ("key", *figures))
    lines = [f"{'key':<{width}}  {'value':>12}  {'target':<10}  result"]
    for key, value in figures.items():
        shown = "-" if value is None else f"{value:.6g}"
        target = targets.get(key, "")
        lines.append(f"{key:<{width}}  {shown:>12}  {target:<10}  {verdict(value, target)}".rstrip())
    return lines


def benches(names: list[str]) -> list[ModuleType]:
    """The bench files, or those that are named."""
    for folder in (HERE, ROOT / "tests" / "functional", ROOT / "tests" / "unit", ROOT / ".ansible" / "collections"):
        sys.path.insert(0, str(folder))
    files = [path for path in sorted(HERE.glob("bench_*.py")) if not names or path.stem.removeprefix("bench_") in names]
    return [importlib.import_module(path.stem) for path in files]


def main() -> int:
    """Run, print, write."""
    modules = benches(sys.argv[1:])
    if not modules:
        print(f"run.py: no such bench: {' '.join(sys.argv[1:])}", file=sys.stderr)
        return 2
    figures: Figures = {}
    targets: dict[str, str] = {}
    for module in modules:
        print(f"== {module.__name__}: {(module.__doc__ or '').strip().splitlines()[0]}", flush=True)
        started = time.monotonic()
        figures.update(module.run())
        targets.update(getattr(module, "TARGETS", {}))
        print(f"   {time.monotonic() - started:.0f} s", flush=True)
    kept: Figures = json.loads(OUTPUT.read_text(encoding="utf-8")) if OUTPUT.exists() else {}
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    merged = dict(sorted({**kept, **figures}.items()))
    OUTPUT.write_text(json.dumps(merged, indent=2) + "\n", encoding="utf-8")
    print("\n" + "\n".join(table(figures, targets)))
    print(f"\nwritten to {OUTPUT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
