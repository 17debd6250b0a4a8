"""Choosing with measured numbers: files are untrusted, and foreign entries are left out."""

import json
from pathlib import Path
from typing import Any

import pytest

from reverie import api
from reverie.core.errors import UsageError


def write(path: Path, told: Any) -> Path:
    path.write_text(json.dumps(told))
    return path


def test_numbers_take_the_place_of_folklore(tmp_path: Path) -> None:
    entry = {"value": 0.6234, "se": 0.011, "n": 1000, "unit": ""}
    told = {
        "words": ["vae is better than gan in coverage.", 3],
        "protocol": {"data": "photos/faces"},
        "runs": [
            {"family": "vae", "metrics": {"sharpness": entry, "coverage": "high", "latency": {"value": None}}},
            {"family": "vae", "metrics": {"sharpness": entry | {"value": 0.1}}},
            {"family": None, "metrics": {}},
            "foreign",
        ],
    }
    found = api.choose({"latent": "yes"}, measured=write(tmp_path / "compare.json", told))
    said = [one["words"] for one in found["said"] if one["measured"]]
    assert said == ["sharpness 0.623 ± 0.011, measured on faces (n 1,000)"]
    assert found["measured"] == ["vae is better than gan in coverage."]
    assert found["schema"] == 1 and found["family"] == "vae"
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("content", ["", "[]", '{"runs": 3}', "[" * 100_000], ids=["empty", "list", "foreign", "deep"])
def test_a_file_that_is_no_comparison(tmp_path: Path, content: str) -> None:
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(UsageError, match="does not hold a comparison"):
        api.choose({}, measured=tmp_path / "x.json")
    with pytest.raises(UsageError, match="does not hold a comparison"):
        api.choose({}, measured=tmp_path / "none.json")
