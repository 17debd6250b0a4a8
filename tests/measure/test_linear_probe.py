"""Label probes against scikit-learn, against the hat matrix, and where they are undefined."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge as SklearnRidge
from sklearn.linear_model import RidgeCV
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from reverie.measure.linear_probe import TEMPERATURE, Ridge, knn_classes, principal_axes


def made(n: int, d: int, classes: int = 3, seed: int = 0, spread: float = 1.5) -> tuple[Tensor, Tensor]:
    """Gaussian clouds with unequal axes and a large mean."""
    rng = torch.Generator().manual_seed(seed)
    middles = torch.randn(classes, d, generator=torch.Generator().manual_seed(99))
    labels = torch.randint(classes, (n,), generator=rng)
    scales = torch.logspace(0, -1.5, d)
    return (middles[labels] + spread * torch.randn(n, d, generator=rng)) * scales + 5, labels


@pytest.mark.parametrize(("n", "d"), [(200, 7), (40, 90), (60, 60)])
def test_ridge_is_scikit_learns(n: int, d: int) -> None:
    x, y = made(n, d)
    fit = Ridge.fit(x, y, num_classes=3)
    target = np.eye(3)[y.numpy()]
    theirs = SklearnRidge(alpha=fit.penalty, solver="svd").fit(x.double().numpy(), target)
    fresh, _ = made(50, d, seed=1)
    np.testing.assert_allclose(fit.outputs(fresh), theirs.predict(fresh.double().numpy()), atol=1e-7)
    assert fit.classes(fresh).tolist() == theirs.predict(fresh.double().numpy()).argmax(1).tolist()


@pytest.mark.parametrize(("n", "d"), [(60, 7), (30, 50)])
def test_the_penalty_minimises_generalised_cross_validation(n: int, d: int) -> None:
    x, y = made(n, d)
    relative = (1e-4, 1e-2, 1e-1, 1.0, 10.0)
    fit = Ridge.fit(x, y, num_classes=3, penalties=relative)
    centred = (x.double() - x.double().mean(0)).numpy()
    eigenvalues = np.linalg.eigvalsh(centred @ centred.T if n <= d else centred.T @ centred)
    unit = eigenvalues[eigenvalues > eigenvalues[-1] * 1e-12].mean()
    target = np.eye(3)[y.numpy()]
    scores = []
    for penalty in relative:  # the whole hat matrix, the mean's degree of freedom included
        hat: np.ndarray = centred @ np.linalg.solve(centred.T @ centred + penalty * unit * np.eye(d), centred.T) + 1 / n
        residual = target - hat @ target
        scores.append(n * (residual**2).sum() / np.trace(np.eye(n) - hat) ** 2)
    assert fit.penalty == pytest.approx(relative[int(np.argmin(scores))] * unit, rel=1e-9)
    assert fit.gcv == pytest.approx(min(scores), rel=1e-8)


def test_generalised_and_exact_leave_one_out_choose_alike() -> None:
    x, y = made(400, 30, spread=4.0)
    fit = Ridge.fit(x, y, num_classes=3)
    exact: Any = RidgeCV(alphas=fit.penalty * np.logspace(-2, 2, 41)).fit(x.double().numpy(), np.eye(3)[y.numpy()])
    assert 0.2 < exact.alpha_ / fit.penalty < 5


def test_neighbours_vote_like_scikit_learns() -> None:
    x, y = made(300, 8)
    fresh, _ = made(100, 8, seed=1)
    votes: Any = lambda distance: np.exp(-distance / TEMPERATURE)  # noqa: E731
    theirs = KNeighborsClassifier(15, metric="cosine", weights=votes).fit(x, y)
    ours = knn_classes(x, y, fresh, num_classes=3, k=15)
    assert (ours.numpy() == theirs.predict(fresh)).mean() == 1.0


def test_principal_axes_are_numpys() -> None:
    x, _ = made(100, 6)
    axes = principal_axes(x, x.double().mean(0))
    _, _, theirs = np.linalg.svd((x.double() - x.double().mean(0)).numpy(), full_matrices=False)
    np.testing.assert_allclose(np.abs((axes.numpy()[:, ::-1].T * theirs).sum(1)), 1, atol=1e-8)


def test_rows_that_are_all_alike_name_the_commonest_class() -> None:
    fit = Ridge.fit(torch.ones(10, 3), torch.tensor([0, 1, 1, 1, 1, 1, 2, 2, 2, 0]), num_classes=3)
    assert fit.classes(torch.randn(4, 3)).tolist() == [1] * 4
    votes = knn_classes(torch.ones(4, 3), torch.tensor([0, 1, 1, 1]), torch.ones(2, 3), num_classes=2, k=4)
    assert votes.tolist() == [1, 1]
