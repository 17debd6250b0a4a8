"""`train.compile` changes speed, not results; skipped where there is no C++ compiler."""

import shutil
import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from memory import make, run_to_end


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++")
@pytest.mark.filterwarnings("ignore")
def test_a_compiled_objective_trains_to_nearly_the_same_weights(tmp_path: Path) -> None:
    plain = run_to_end(tmp_path / "a", make(48, vae__net="mlp", vae__scale=0.5))
    compiled = run_to_end(tmp_path / "b", make(48, vae__net="mlp", vae__scale=0.5, train__compile=True))
    for a, b in zip(plain.model.parameters(), compiled.model.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-2, atol=1e-4)
