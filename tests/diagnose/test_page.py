"""The page of the doctor has a heading for every symptom, and none for what is not looked for."""

import re
from pathlib import Path

import pytest

from reverie.diagnose.engine import symptoms

PAGE = Path(__file__).parents[2] / "docs" / "doctor.md"
SYMPTOMS = {s.code: s for family in ("vae", "gan", "ssl") for s in symptoms(family)}
TEXT = PAGE.read_text(encoding="utf-8")


def test_headings_and_symptoms_are_the_same() -> None:
    headings = re.findall(r"^## ([A-Z]\d{3}) (.+)$", TEXT, re.MULTILINE)
    assert dict(headings) == {code: symptom.title for code, symptom in SYMPTOMS.items()}
    assert len(headings) == len(SYMPTOMS)


@pytest.mark.parametrize("code", sorted(SYMPTOMS))
def test_a_section_says_all_five_things(code: str) -> None:
    section = re.search(rf"^## {code} .+?$(.+?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert section is not None
    said = re.findall(r"^- \*\*(.+?)\*\*:", section[1], re.MULTILINE)
    assert said == ["Looks like", "Why", "Found by", "Remedy", "Reference"]


@pytest.mark.parametrize("code", sorted(SYMPTOMS))
def test_a_symptom_cites_what_its_page_cites(code: str) -> None:
    source = Path(__import__(type(SYMPTOMS[code]).__module__, fromlist=["_"]).__file__).read_text(encoding="utf-8")
    section = TEXT.split(f"## {code} ")[1].split("\n## ")[0]
    for paper in re.findall(r"arXiv (\d{4}\.\d{5})", section.split("**Reference**")[1]):
        assert paper in source
