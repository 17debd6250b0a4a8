"""The course as static files: complete, relative, and never over somebody's own."""

import html
import json
import re
from pathlib import Path

import pytest

from reverie.core.errors import DataError, UsageError
from reverie.studio.course.export import MANIFEST, SITE, export


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, Path]:
    site, recorded = tmp_path / "site", tmp_path / "recorded"
    (site / "assets").mkdir(parents=True)
    (site / "index.html").write_text("<script src=./assets/a.js></script>")
    (site / "assets" / "a.js").write_text("1")
    (site / "assets" / "a.js.gz").write_bytes(b"packed")
    (recorded / "runs" / "one").mkdir(parents=True)
    (recorded / "index.json").write_text("{}")
    (recorded / "runs" / "one" / "run.json").write_text("{}")
    return {"site": site, "recorded": recorded}


def test_an_export_holds_the_pages_and_the_recordings(tmp_path: Path, parts: dict[str, Path]) -> None:
    names = export(tmp_path / "out" / "deep", **parts)
    written = tmp_path / "out" / "deep"
    there = sorted(path.relative_to(written).as_posix() for path in written.rglob("*") if path.is_file())
    assert there == sorted([*names, MANIFEST])
    assert names == [
        ".nojekyll",
        "assets/a.js",
        "course-data/index.json",
        "course-data/runs/one/run.json",
        "index.html",
    ]
    assert (written / "course-data" / "runs" / "one" / "run.json").read_text() == "{}"


def test_a_second_export_replaces_the_first_and_nothing_else(tmp_path: Path, parts: dict[str, Path]) -> None:
    out = tmp_path / "out"
    export(out, **parts)
    (parts["site"] / "assets" / "a.js").rename(parts["site"] / "assets" / "b.js")
    names = export(out, **parts)
    assert "assets/b.js" in names and not (out / "assets" / "a.js").exists()
    (out / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match=r"such as mine\.txt"):
        export(out, **parts)
    assert (out / "mine.txt").read_text() == "mine" and (out / "index.html").exists()


@pytest.mark.parametrize("manifest", [None, "no json", '{"files": 3}', '{"files": ["../victim.txt", "/etc/x"]}', "[]"])
def test_a_foreign_folder_is_left_alone(tmp_path: Path, parts: dict[str, Path], manifest: str | None) -> None:
    (tmp_path / "victim.txt").write_text("theirs")
    out = tmp_path / "out"
    out.mkdir()
    (out / "thesis.tex").write_text("theirs")
    if manifest is not None:
        (out / MANIFEST).write_text(manifest)
    with pytest.raises(UsageError, match="Name an empty folder"):
        export(out, **parts)
    assert (out / "thesis.tex").read_text() == (tmp_path / "victim.txt").read_text() == "theirs"
    assert not (out / "index.html").exists()


def test_what_is_missing_is_said(tmp_path: Path, parts: dict[str, Path]) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        export(tmp_path / "file", **parts)
    with pytest.raises(DataError, match="make studio"):
        export(tmp_path / "out", site=tmp_path / "none", recorded=parts["recorded"])
    with pytest.raises(DataError, match="recordings"):
        export(tmp_path / "out", site=parts["site"], recorded=tmp_path / "none")
    assert not (tmp_path / "out").exists()


@pytest.mark.skipif(not (SITE / "index.html").is_file(), reason="the course's pages are not built (`make studio`)")
def test_the_built_pages_work_from_any_folder() -> None:
    page = html.unescape((SITE / "index.html").read_text(encoding="utf-8"))
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert addresses and all(address.startswith("./") for address in addresses)
    assert "Content-Security-Policy" in page and "connect-src 'self'" in page
    for path in SITE.rglob("*.css"):
        assert not re.search(r"url\((?!\s*[\"']?(?:\./|\.\./|[\w-]+\.|data:|#))", path.read_text(encoding="utf-8")), (
            path.name
        )
    assert any(path.suffix == ".wasm" for path in SITE.rglob("*"))


def test_the_list_of_files_can_be_read(tmp_path: Path, parts: dict[str, Path]) -> None:
    names = export(tmp_path / "out", **parts)
    told = json.loads((tmp_path / "out" / MANIFEST).read_text())
    assert told["files"] == names and told["made_by"].startswith("reverie ")
