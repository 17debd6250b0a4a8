"""Functions of tensors, compiled where somebody asks for it."""

import os
import shutil
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch

from reverie.core.errors import UsageError

Result = TypeVar("Result")


def compile_function(function: Callable[..., Result]) -> Callable[..., Result]:
    """The same function, which `torch.compile` compiles at its first call: that takes from seconds to a minute.

    Args:
        function: of tensors and of numbers that stay: a number that changes is compiled anew each time.

    Raises:
        UsageError: there is no C++ compiler, or none of the headers that it needs.
    """
    compiler = os.environ.get("CXX") or ("clang++" if sys.platform == "darwin" else "g++")
    header = Path(sysconfig.get_path("include")) / "Python.h"
    needed = {f"a C++ compiler ({compiler})": shutil.which(compiler), f"Python's headers ({header})": header.exists()}
    for what, found in needed.items():
        if not found:
            raise UsageError(f"compile: needs {what}. Install what is missing, or leave compiling out.")
    return torch.compile(function)
