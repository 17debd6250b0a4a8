"""How many faces a second one core draws, by size, as a Markdown table.

python benchmarks/faces.py --images 512 --repeats 5
"""

import argparse
import os
import time

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"  # before numpy is imported

import numpy as np  # noqa: E402

from reverie.data.builtin.faces import draw  # noqa: E402


def seconds(images: int, size: int, repeats: int) -> list[float]:
    """Processor time of each repeat, after one that is not counted; other work on the machine does not count either."""
    draw(np.arange(min(images, 64)), size)
    times = []
    for repeat in range(repeats):
        start = time.process_time()
        draw(np.arange(images) + repeat * images, size)
        times.append(time.process_time() - start)
    return times


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=512, help="faces in a repeat (default 512)")
    parser.add_argument("--repeats", type=int, default=5, help="repeats of each size (default 5)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64, 128], help="sides in pixels")
    asked = parser.parse_args()
    print("| size | images/s, median | slowest | fastest | ms per image |\n|---:|---:|---:|---:|---:|")
    for size in asked.sizes:
        times = np.array(seconds(asked.images, size, asked.repeats))
        median, slowest, fastest = (asked.images / t for t in (np.median(times), times.max(), times.min()))
        print(f"| {size} | {median:,.0f} | {slowest:,.0f} | {fastest:,.0f} | {1000 / median:.2f} |")


if __name__ == "__main__":
    main()
