"""Chance is a function of its key, and slices of a batch see slices of one draw."""

import torch

from reverie.core.rng import Rng, key, normal_by_seed


def test_the_same_key_gives_the_same_draws_in_every_process() -> None:
    assert key(0, "train", 128) == key(0, "train", 128)
    # a constant: another machine, another Python, the same stream
    assert Rng(0, "x", count=1).integers(1000, 4).tolist() == Rng(0, "x", count=1).integers(1000, 4).tolist()
    assert key(1, 23) != key(12, 3)


def test_slices_are_parts_of_one_global_draw() -> None:
    whole = Rng(3, 640, count=8)
    a, b = whole.normal(5), whole.uniform(2)
    for first, count in ((0, 3), (3, 5)):
        part = Rng(3, 640, count=count, first=first, total=8)
        assert torch.equal(part.normal(5), a[first : first + count])
        assert torch.equal(part.uniform(2), b[first : first + count])
    micro = Rng(3, 640, count=4, first=4, total=8).slice(2, 2)
    assert torch.equal(micro.normal(5), a[6:8])


def test_spawned_streams_do_not_shift_each_other() -> None:
    a, b = Rng(0, 1, count=2), Rng(0, 1, count=2)
    a.normal(100)
    assert torch.equal(a.spawn("noise").normal(3), b.spawn("noise").normal(3))
    assert not torch.equal(b.spawn("noise").normal(3), b.spawn("mask").normal(3))


def test_draws_are_standard_normal() -> None:
    x = Rng(7, count=200).normal(500).double().flatten()
    assert abs(x.mean()) < 4 / len(x) ** 0.5
    assert abs(x.var() - 1) < 4 * (2 / len(x)) ** 0.5


def test_a_sample_depends_on_its_own_seed_alone() -> None:
    together, alone = normal_by_seed([5, 6, 7], 3, 2), normal_by_seed([6], 3, 2)
    assert torch.equal(together[1], alone[0])
    assert normal_by_seed([], 3).shape == (0, 3)
