"""`python -m bench [part …]`: prints the table as it measures, and writes bench/out/bench.json."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

from bench import direct, idp, pulumi
from bench import report as reports
from bench.harness import ROOT, Report

PARTS: dict[str, Callable[[Report], None]] = {
    "direct": direct.run,
    "pulumi": pulumi.run,
    "idp": idp.run,
    "reports": reports.run,
}


def main() -> int:
    """Measure the named parts, or all."""
    unknown = [name for name in sys.argv[1:] if name not in PARTS]
    if unknown:
        print(f"no such part: {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    report = Report()
    for name in sys.argv[1:] or PARTS:
        PARTS[name](report)
    out = ROOT / "bench" / "out" / "bench.json"
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(report.as_json(), indent=2) + "\n")
    missed = [figure.name for figure in report.figures if figure.met is False]
    print(f"\n{len(report.figures)} figures, {len(missed)} missed; written to {out.relative_to(ROOT)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
