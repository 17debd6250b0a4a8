"""What is installed has the pages: the wheel, in an environment that has never seen this folder."""

import subprocess
import sys
import sysconfig
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

from .conftest import ROOT, Studio, free_port


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--disable-pip-version-check",
        "wheel",
        "-q",
        "--no-deps",
        "-w",
        str(out),
        str(ROOT),
    ]
    subprocess.run(pip, check=True, capture_output=True, timeout=110)
    return next(out.glob("*.whl"))


def test_the_wheel_holds_the_pages_and_the_course(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "reverie/studio/static/index.html" in names
    assert len([name for name in names if name.endswith(".wasm")]) == 1, "decoding in the page needs it, once"
    assert "reverie/studio/static-course/index.html" in names
    assert "reverie/studio/course/recorded/index.json" in names
    assert "reverie/studio/course/units/01-two-questions.md" in names
    assert not [name for name in names if "node_modules" in name or name.startswith("tests/")]


def test_an_installed_studio_shows_its_page(wheel: Path, tmp_path: Path) -> None:
    venv.create(tmp_path / "clean", with_pip=False, symlinks=True)
    python = tmp_path / "clean/bin/python"
    packages = next((tmp_path / "clean/lib").glob("python*/site-packages"))
    zipfile.ZipFile(wheel).extractall(packages)
    # the libraries of these tests, without downloading them again; the package itself comes from the wheel alone
    (packages / "libraries.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    where = subprocess.run(
        [python, "-c", "import reverie; print(reverie.__file__)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert str(packages) in where.stdout
    studio = Studio(tmp_path / "runs", free_port(), python=str(python), source=None)
    studio.start()
    try:
        with urllib.request.urlopen(studio.url + "/") as answer:
            page = answer.read().decode()
        assert '<div id="app">' in page and "Content-Security-Policy" in answer.headers
        script = page.split('src="')[1].split('"')[0].lstrip(".")
        with urllib.request.urlopen(studio.url + script) as answer:
            assert answer.headers["Content-Type"].startswith("text/javascript")
    finally:
        studio.stop()
    words = [python, "-m", "reverie", "course", "--export", "site"]
    subprocess.run(words, capture_output=True, check=True, cwd=tmp_path)
    assert len(list((tmp_path / "site/assets").glob("*.wasm"))) == 1, "pages of an export decode as well"
