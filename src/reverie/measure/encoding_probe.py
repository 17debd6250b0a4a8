"""Cheap measurements of an encoder during its training, on fixed views and on held-out images: what the doctor hears.

`probe.py` is the same for models that make images. The names of the numbers are a contract with the symptoms.
"""

import math
from typing import Any, final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from reverie.core.capability import Encodes
from reverie.core.rng import Rng, key
from reverie.data.augment.views import Strength, view
from reverie.measure.evaluation import as_it_was, device_of
from reverie.measure.linear_probe import knn_classes
from reverie.measure.metric import Items
from reverie.measure.probe import effective_rank, scaled

_BANK, _LEAST_BANK, _HELD, _LEAST_HELD, _VALUES = 4096, 1024, 1024, 256, 2**12
_BATCH, _BATCH_VALUES = 256, 2**21
_QUERIES, COLUMNS = 8, 8  # a query and its neighbours in each row of the picture
# Views to tell an encoder by are the same for every run, whatever it was trained on.
VIEWS = Strength(area=0.4, aspect=4 / 3, jitter=0.3)
CONTRAST_TEMPERATURE = 0.1


@final
class EncodingProbe:
    """What can be learnt of an encoder in a second or two, as numbers by name.

    Nothing is fitted to held-out images, and labels are read, never learnt from: they serve the vote of neighbours.
    Equal weights give equal numbers.

    Args:
        train: the training split.
        held_out: the held-out split.
        seed: decides which images are looked at, and the views.
    """

    def __init__(self, train: Items, held_out: Items, *, seed: int) -> None:
        spec = train.spec
        order = np.random.default_rng(key(seed, "probe", "bank")).permutation(len(train))
        self._bank = train.batch(np.sort(order[: scaled(_BANK, _LEAST_BANK, _VALUES, spec)]))
        self._held = held_out.batch(np.arange(min(len(held_out), scaled(_HELD, _LEAST_HELD, _VALUES, spec))))
        self._num_classes = spec.num_classes
        self._batch = max(1, min(_BATCH, _BATCH_VALUES // spec.num_values))
        held = self._held.images
        rng = Rng(seed, "probe", "views", count=len(held))
        self._views = [view(held, rng.spawn(which), VIEWS) for which in ("a", "b")]
        self._by_pixels = self._knn(self._bank.images.flatten(1), held.flatten(1)) if self.labelled else math.nan

    @property
    def labelled(self) -> bool:
        """True when neighbours have labels to vote with."""
        return self._bank.labels is not None and self._num_classes > 1

    @property
    def best(self) -> tuple[str, int]:
        """The number by which weights are chosen, and its sign.

        With labels it is the accuracy of nearest neighbours. Without, the held-out contrast: what it costs, in nats, to
        name an image's other view among those of all held-out images. It falls when views agree and when images part,
        and a collapsed encoder pays the full log n; rank alone rewards noise, and agreement alone collapse.
        """
        return ("knn_accuracy", 1) if self.labelled else ("contrast_nats", -1)

    def __call__(self, model: Any) -> dict[str, float]:
        """`contrast_nats` beside its chance level, `alignment`, `uniformity`, `effective_rank`, `variation`,
        `latent_units`, and where there are labels `knn_accuracy` beside `knn_accuracy_pixels`."""
        with as_it_was(model), torch.no_grad():
            codes = self.codes(model, self._held.images)
            a, b = (F.normalize(self.codes(model, images), dim=1) for images in self._views)
            values = {"effective_rank": effective_rank(codes), "latent_units": float(model.latent_dim)}
            values |= agreement(a, b) | {"variation": variation(codes), "contrast_chance_nats": math.log(len(a))}
            if self.labelled:
                values["knn_accuracy"] = self._knn(self.codes(model, self._bank.images), codes)
                values["knn_accuracy_pixels"] = self._by_pixels
        return values

    def codes(self, model: Encodes, images: Tensor) -> Tensor:
        """(n, c, h, w) -> (n, latent_dim) float32 on the CPU."""
        device = device_of(model)
        return torch.cat([model.encode(part.to(device)).float().cpu() for part in images.split(self._batch)])

    def nulls(self) -> dict[str, tuple[float, float]]:
        """Healthy ranges that the data give: an encoder that learnt something beats neighbours by pixels."""
        return {"knn_accuracy": (self._by_pixels, 1.0)} if self.labelled else {}

    def picture(self, model: Any) -> Tensor:
        """Held-out images, each at the head of a row of the training images that the encoder finds nearest.

        Returns:
            (rows * COLUMNS, c, h, w) in [-1, 1], row by row.
        """
        with as_it_was(model), torch.no_grad():
            bank = F.normalize(self.codes(model, self._bank.images), dim=1)
            queries = self._held.images[:_QUERIES]
            similar = F.normalize(self.codes(model, queries), dim=1) @ bank.T
        nearest = similar.topk(COLUMNS - 1, dim=1).indices
        rows = [torch.cat([query[None], self._bank.images[i]]) for query, i in zip(queries, nearest, strict=True)]
        return torch.cat(rows)

    def _knn(self, bank: Tensor, held: Tensor) -> float:
        of_bank, of_held = self._bank.labels, self._held.labels
        if of_bank is None or of_held is None or not bool(held.isfinite().all() and bank.isfinite().all()):
            return math.nan
        return (knn_classes(bank, of_bank, held, num_classes=self._num_classes) == of_held).double().mean().item()


def agreement(a: Tensor, b: Tensor) -> dict[str, float]:
    """How near two views of an image are, and how far different images.

    `alignment` is the mean squared distance of an image's views, `uniformity` the log of the mean of exp(-2 d^2) over
    pairs of images (Wang and Isola 2020, eqs. 2 and 3), `contrast_nats` the cross entropy of naming an image's other
    view among all by cosine / 0.1 (van den Oord et al. 2018, eq. 4).

    Args:
        a: unit vectors of one view of each image, (n, d).
        b: of another view.

    Example:
        >>> found = agreement(torch.eye(3), torch.eye(3))
        >>> found["alignment"], round(found["uniformity"], 6), round(found["contrast_nats"], 6)
        (0.0, -4.0, 9.1e-05)
    """
    if not bool(a.isfinite().all() and b.isfinite().all()):
        return dict.fromkeys(("alignment", "uniformity", "contrast_nats"), math.nan)
    n = len(a)
    apart = ~torch.eye(n, dtype=torch.bool)
    distance = (2 - 2 * (a.double() @ a.double().T))[apart]
    contrast = F.cross_entropy(a.double() @ b.double().T / CONTRAST_TEMPERATURE, torch.arange(n))
    return {
        "alignment": (a.double() - b.double()).square().sum(1).mean().item(),
        "uniformity": (torch.logsumexp(-2 * distance, 0) - math.log(len(distance))).item(),
        "contrast_nats": contrast.item(),
    }


def variation(codes: Tensor) -> float:
    """Share of the codes' mean square that differs between images, in [0, 1]; 0 when every image has one code.

    Args:
        codes: (n, d).

    Example:
        >>> variation(torch.tensor([[1.0, 1.0], [1.0, -1.0]]))
        0.5
    """
    if not bool(codes.isfinite().all()):
        return math.nan
    rows = codes.double()
    total = rows.square().mean(0).sum()
    return ((rows - rows.mean(0)).square().mean(0).sum() / total.clamp_min(1e-300)).item()
