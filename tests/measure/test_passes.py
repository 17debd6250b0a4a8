"""One pass over each side: halves, rounding, sharing, the store on disk, and folders in the place of a model."""

import multiprocessing
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from reverie.core.capability import Samples
from reverie.core.errors import DataError, ReverieError, UsageError
from reverie.core.spec import DataSpec
from reverie.measure.extractor import Extractor
from reverie.measure.metric import Comparison, Setting
from reverie.measure.passes import halves, real_features, samples, sides, training_features
from reverie.measure.pictures import Pictures
from reverie.measure.store import BLOCK, FeatureStore


class Counting(Extractor):
    """Flat values; counts the images that it sees, and fails at one of them."""

    def __init__(self, dim: int, fail_at: int | None = None) -> None:
        self.name, self.fingerprint, self.dim, self.dear, self.about = "counting", "c0", dim, True, {}
        self.seen, self.fail_at = 0, fail_at

    def features(self, images: Tensor) -> Tensor:
        if self.fail_at is not None and self.seen >= self.fail_at:
            raise KeyboardInterrupt
        self.seen += len(images)
        return images.flatten(1)


class Even(Samples):
    """Grey images whose level is the seed's last digits; conditional ones add the label."""

    def __init__(self, shape: tuple[int, int, int], num_classes: int = 0) -> None:
        self.shape, self.num_classes = shape, num_classes
        self.labels: list[int] = []

    def sample(self, seeds: Sequence[int], *, labels: Tensor | None = None, truncation: float = 1.0) -> Tensor:
        self.labels += [] if labels is None else labels.tolist()
        levels = torch.tensor([(seed % 100) / 100 for seed in seeds])
        return levels[:, None, None, None].expand(-1, *self.shape)


def setting_of(items: Any, **given: Any) -> Setting:
    words = {"index": np.arange(len(items)), "samples": 1, "seed": 0, "batch": 7, "device": torch.device("cpu")}
    return Setting(name="toy", items=items, **(words | given))


def noise(n: int, shape: tuple[int, int, int] = (1, 4, 4), seed: int = 0) -> Tensor:
    levels = torch.randint(256, (n, *shape), generator=torch.Generator().manual_seed(seed))
    return levels / 127.5 - 1


def test_halves_are_apart_and_random(tensor_items) -> None:
    setting = setting_of(tensor_items(noise(41)))
    dealt = halves(setting).tolist()
    assert len(dealt) == len(set(dealt)) == 40
    assert dealt != sorted(dealt) and dealt == halves(setting).tolist()
    assert dealt != halves(replace(setting, seed=1)).tolist()


def test_sides_are_the_features_of_rounded_images(tensor_items) -> None:
    images = noise(20)
    setting = setting_of(tensor_items(images))
    found = sides(Even((1, 4, 4)), setting)
    assert found.real.shape == found.other.shape == found.made.shape == (10, 16)
    pooled = torch.cat([found.real, found.other])
    assert torch.equal(pooled, images.flatten(1)[halves(setting)])
    levels = (found.made + 1) * 127.5
    assert float((levels - levels.round()).abs().max()) < 1e-4, "samples are rounded as files would be"
    assert len({tuple(row.tolist()) for row in found.made}) == 10


def test_points_are_not_rounded(tensor_items) -> None:
    points = torch.randn(20, 2, 1, 1, generator=torch.Generator().manual_seed(0)) * 3
    setting = setting_of(tensor_items(points, kind="points"))
    found = sides(Even((2, 1, 1)), setting)
    assert torch.equal(torch.cat([found.real, found.other]), points.flatten(1)[halves(setting)])


def test_sides_are_shared_and_do_not_depend_on_the_batch(tensor_items) -> None:
    items = tensor_items(noise(30))
    setting = setting_of(items)
    first = sides(Even((1, 4, 4)), setting)
    asked = len(items.asked)
    assert sides(Even((1, 4, 4)), replace(setting, name="other")) is first and len(items.asked) == asked
    whole = sides(Even((1, 4, 4)), setting_of(items, batch=30))
    assert torch.equal(whole.made, first.made) and torch.equal(whole.real, first.real)


def test_conditional_models_draw_the_labels_of_the_second_half(tensor_items) -> None:
    labels = torch.arange(20)
    setting = setting_of(tensor_items(noise(20), labels))
    model = Even((1, 4, 4), num_classes=20)
    sides(model, setting)
    assert model.labels == labels[halves(setting)[10:]].tolist()
    plain = Even((1, 4, 4))
    sides(plain, setting_of(tensor_items(noise(20), labels)))
    assert plain.labels == []


def test_progress_names_what_is_looked_at(tensor_items) -> None:
    said: list[tuple[str, int, int]] = []
    items = tensor_items(noise(20))
    setting = setting_of(items, progress=lambda *words: said.append(words))
    setting = replace(setting, comparison=Comparison(Counting(16), train=tensor_items(noise(50))))
    sides(Even((1, 4, 4)), setting)
    training_features(setting, 30)
    assert said[0] == ("real images", 20, 20) and ("samples", 10, 10) in said
    assert said[-1] == ("training images", 30, 30)


def test_training_features_are_a_random_part(tensor_items) -> None:
    train = tensor_items(noise(50, seed=1))
    setting = setting_of(tensor_items(noise(20)), comparison=Comparison(Counting(16), train=train))
    found = training_features(setting, 30)
    assert found.shape == (30, 16) and sorted(set(train.asked)) == train.asked and len(train.asked) == 30
    assert training_features(setting, 30) is found and len(train.asked) == 30
    assert len(training_features(setting, 99)) == 50
    with pytest.raises(UsageError, match="needs the training images"):
        training_features(setting_of(tensor_items(noise(20))), 30)


def test_what_cannot_be_compared_is_a_sentence(tensor_items) -> None:
    with pytest.raises(ReverieError, match="toy: all 20 real images are the same to pixels"):
        sides(Even((1, 4, 4)), setting_of(tensor_items(torch.zeros(20, 1, 4, 4))))
    with pytest.raises(UsageError, match="toy: the samples are 3x4x4, the real images 1x4x4. Measure against"):
        sides(Even((3, 4, 4)), setting_of(tensor_items(noise(20))))
    broken = noise(20)
    broken[3, 0, 0, 0] = torch.nan
    with pytest.raises(DataError, match="image 3 of the split holds values that are not finite"):
        sides(Even((1, 4, 4)), setting_of(tensor_items(broken)))

    class Diverged(Even):
        def sample(self, seeds: Sequence[int], **given: Any) -> Tensor:
            return super().sample(seeds, **given) * torch.tensor(torch.nan)

    with pytest.raises(ReverieError, match="toy: the samples of 7 of 7 images are not finite"):
        sides(Diverged((1, 4, 4)), setting_of(tensor_items(noise(20))))

    class Undefined(Counting):
        def features(self, images: Tensor) -> Tensor:
            return super().features(images).log()

    with pytest.raises(ReverieError, match="toy: the features of [1-7] of 7 images are not finite"):
        setting = setting_of(tensor_items(noise(20)), comparison=Comparison(Undefined(16)))
        sides(Even((1, 4, 4)), setting)


def test_a_stored_pass_looks_at_no_image(tensor_items, tmp_path: Path) -> None:
    items = tensor_items(noise(BLOCK + 50))
    first = Counting(16)

    def passed(extractor: Counting, data: str = "d", seed: int = 0) -> Tensor:
        comparison = Comparison(extractor, store=FeatureStore(tmp_path, data, "test"))
        setting = setting_of(items, batch=64, comparison=comparison, seed=seed)
        return torch.cat([features for _, features in real_features(setting)])

    whole = passed(first)
    assert torch.equal(whole, items.images.flatten(1)) and first.seen == len(items)
    again = Counting(16)
    assert torch.equal(passed(again), whole) and again.seen == 0
    for path in tmp_path.rglob("*.f32"):
        if path.stat().st_size < 10_000:  # the second block
            content = path.read_bytes()
            path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    assert torch.equal(passed(again), whole) and again.seen == 50, "what is damaged is made anew"
    other = Counting(16)
    passed(other, data="e")
    assert other.seen == len(items), "other data are another key"


def test_an_interrupted_pass_goes_on(tensor_items, tmp_path: Path) -> None:
    items = tensor_items(noise(2 * BLOCK))
    store = FeatureStore(tmp_path, "d", "test")
    stopped, after = Counting(16, fail_at=BLOCK + 100), Counting(16)
    for extractor in (stopped, after):
        setting = setting_of(items, batch=64, comparison=Comparison(extractor, store=store))
        try:
            found = [features for _, features in real_features(setting)]
        except KeyboardInterrupt:
            continue
        assert torch.equal(torch.cat(found), items.images.flatten(1))
    assert after.seen == BLOCK


def _fill(folder: Path) -> None:
    store, index = FeatureStore(folder, "d", "test"), np.arange(300)
    for _ in range(20):
        store.keep(Counting(16), index, torch.arange(4800.0).view(300, 16))


def test_two_processes_do_not_corrupt_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_fill, args=(tmp_path,)) for _ in range(2)]
    for writer in writers:
        writer.start()
    store, index, seen = FeatureStore(tmp_path, "d", "test"), np.arange(300), 0
    wanted = torch.arange(4800.0).view(300, 16)
    while any(writer.is_alive() for writer in writers):
        found = store.load(Counting(16), index)
        assert found is None or torch.equal(found, wanted)
        seen += found is not None
    for writer in writers:
        writer.join()
    assert seen and torch.equal(store.load(Counting(16), index), wanted)
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_store_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = FeatureStore(tmp_path / "file", "d", "test")
    store.keep(Counting(16), np.arange(2), torch.zeros(2, 16))
    assert store.load(Counting(16), np.arange(2)) is None


def test_pictures_stand_for_samples(tensor_items) -> None:
    images = noise(30)
    pictures = Pictures(tensor_items(images[:18]), tensor_items(images[18:]))
    assert len(pictures) == 30 and pictures.num_classes == 0
    start = 2**40 + 17
    found = pictures.sample(range(start, start + 30))
    assert {tuple(i.flatten().tolist()) for i in found} == {tuple(i.flatten().tolist()) for i in images}
    assert torch.equal(pictures.sample([start + 4])[0], found[4]), "an image depends on its seed alone"
    with pytest.raises(UsageError, match="cannot be truncated"):
        pictures.sample([0], truncation=0.5)


def test_samples_come_in_batches_with_their_places(tensor_items) -> None:
    setting = setting_of(tensor_items(noise(40)))
    places = [(first, len(images)) for first, images in samples(Even((1, 4, 4)), setting, range(20))]
    assert places == [(0, 7), (7, 7), (14, 6)]
    assert DataSpec(1, 4, 4).shape == setting.spec.shape
