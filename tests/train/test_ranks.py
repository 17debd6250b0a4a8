"""Two processes with half the batch each are one process with the whole."""

import socket
import sys
from pathlib import Path

import pytest
import torch
from torch import multiprocessing

sys.path.insert(0, str(Path(__file__).parent))
from memory import make, run_to_end, trainer

from reverie.core.errors import UsageError
from reverie.train.ranks import Ranks


def _train(rank: int, port: int, folder: str, here: str) -> None:
    import os

    sys.path.insert(0, here)
    torch.set_num_threads(1)
    os.environ.update(RANK=str(rank), WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    ranks = Ranks.join()
    made = run_to_end(Path(folder), make(160, train__clip=1.0, vae__warmup=0.5, vae__scale=0.5), ranks=ranks)
    torch.save([p.detach() for p in made.average.parameters()], f"{folder}/rank{rank}.pt")
    ranks.leave()


def test_two_ranks_equal_one(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    whole = run_to_end(tmp_path / "one", make(160, train__clip=1.0, vae__warmup=0.5, vae__scale=0.5))
    trainer(
        tmp_path / "two", make(160, train__clip=1.0, vae__warmup=0.5, vae__scale=0.5)
    )  # the folder, before the ranks race for it
    multiprocessing.spawn(_train, args=(port, str(tmp_path / "two"), str(Path(__file__).parent)), nprocs=2)
    results = [torch.load(tmp_path / "two" / f"rank{r}.pt", weights_only=True) for r in (0, 1)]
    for a, b, c in zip(whole.average.parameters(), *results, strict=True):
        assert torch.equal(b, c)
        torch.testing.assert_close(a, b, rtol=2e-4, atol=2e-6)


def test_a_batch_that_cannot_be_shared_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="multiple of the 3 processes, got 16"):
        trainer(tmp_path / "r", make(160), ranks=Ranks(0, 3))
