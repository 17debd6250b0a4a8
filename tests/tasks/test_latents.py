"""Latents by an encoder where there is one, by optimisation where there is not."""

import pytest
import torch
from torch import Tensor

from reverie.core.capability import Encodes, Inverts
from reverie.core.errors import UsageError
from reverie.tasks.latents import latents_of


class Encoder(Encodes):
    latent_dim = 3

    def encode(self, images: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return images.flatten(1)[:, :3]


class Inverter(Inverts):
    latent_dim = 3

    def invert(self, images: Tensor, *, labels: Tensor | None = None, steps: int = 200) -> Tensor:
        return images.flatten(1)[:, 3:6]


class Both(Inverter, Encoder):
    pass


def test_an_encoder_comes_before_an_optimisation() -> None:
    images = torch.arange(12.0).view(2, 1, 2, 3)
    assert latents_of(Encoder(), images).tolist() == [[0, 1, 2], [6, 7, 8]]
    assert latents_of(Inverter(), images).tolist() == [[3, 4, 5], [9, 10, 11]]
    assert latents_of(Both(), images).tolist() == [[0, 1, 2], [6, 7, 8]]


def test_neither_is_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"'p' finds no latents of images \(it has no capability\). Start from seeds."):
        latents_of(object(), torch.zeros(1, 1, 2, 2), name="p")
