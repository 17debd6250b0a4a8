"""What it saves to keep freed memory: the same work in two processes by turns, one of which hands its pages back.

    python benchmarks/pages.py --rounds 3

Prints page faults and processor seconds of both, and the median ratio of the seconds, for short trainings on `faces`.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

WORK = {
    "vae, 12,000 images": ("vae", 12_000),
    "gan, 6,000 images": ("gan", 6_000),
}


def child(what: str, num: int, kept: bool) -> None:
    """Does the work and prints its page faults and processor seconds."""
    import time

    from reverie.core import memory

    if not kept:
        memory.keep_freed_memory = lambda: None  # pyright: ignore[reportAttributeAccessIssue]
    import reverie as rv

    with tempfile.TemporaryDirectory() as out:
        settings = {"train.threads": 1, "train.probes": 1, "train.grids": 1}
        faults, began = resource.getrusage(resource.RUSAGE_SELF).ru_minflt, time.process_time()
        list(rv.train(rv.recipe(what, "faces", images=num, settings=settings), run=Path(out) / "run"))
        print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults, time.process_time() - began)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--work", help=argparse.SUPPRESS)
    parser.add_argument("--kept", type=int, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.work:
        child(*WORK[asked.work], bool(asked.kept))
        return
    print("| | faults, handed back | faults, kept | seconds, handed back | kept | ratio |\n|---|---|---|---|---|---|")
    for name in WORK:
        found: dict[int, list[tuple[float, float]]] = {0: [], 1: []}
        for _ in range(asked.rounds):
            for kept, rows in found.items():
                command = [sys.executable, __file__, "--work", name, "--kept", str(kept)]
                said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
                rows.append((int(said[-2]), float(said[-1])))
        faults, seconds = ([statistics.median(row[i] for row in found[k]) for k in (0, 1)] for i in (0, 1))
        ratio = statistics.median(a[1] / b[1] for a, b in zip(found[0], found[1], strict=True))
        print(
            f"| {name} | {faults[0]:,.0f} | {faults[1]:,.0f} | {seconds[0]:.1f} | {seconds[1]:.1f} | {ratio:.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
