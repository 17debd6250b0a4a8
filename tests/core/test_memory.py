"""Freed memory stays with the process: the second block of a size costs no new pages."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
from reverie.core.memory import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
faults = []
for _ in range(8):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    blocks = [b"x" * 2**22 for _ in range(6)]
    del blocks
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(faults[-1])
"""


def faults(how: str) -> int:
    """Page faults of the eighth time that six blocks of 4 MiB are filled and freed."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="thresholds are glibc's")
def test_blocks_are_used_again() -> None:
    assert faults("kept") < 100 < 1000 < faults("handed back")
