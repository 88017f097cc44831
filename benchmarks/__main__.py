"""Run every benchmark that needs only this package: ``python -m benchmarks``."""

import subprocess
import sys

ALONE = ("model_speed", "decode", "facet_speed", "covarep_speed")


def main() -> int:
    """Run them one after another; return how many failed."""
    failed = 0
    for name in ALONE:
        print(f"== python -m benchmarks.{name}", flush=True)
        failed += subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode != 0
    return failed


if __name__ == "__main__":
    sys.exit(main())
