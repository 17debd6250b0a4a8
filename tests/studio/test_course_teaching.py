"""The page for teachers says what the course says."""

import re
from pathlib import Path

from reverie.studio.course.schema import load_course

COURSE = load_course()
PAGE = Path(__file__).parents[2] / "docs" / "teaching.md"


def test_the_page_for_teachers_has_the_answers_of_the_exercises() -> None:
    page = PAGE.read_text(encoding="utf-8")
    rows = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|$", page, re.MULTILINE))
    exercises, worked = COURSE.exercises, COURSE.units[2].worked
    assert worked is not None
    for name, z in (("Exercise A", exercises.compute.draw.z), ("Unit 3, by hand", worked.z)):
        assert rows[name] == f"z = ({', '.join(map(str, z))})"
    for situation in exercises.choose.situations:
        told = rows[f"Exercise B, {situation.title[0].lower()}{situation.title[1:]}"]
        assert set(told.lower().split("; or ")) == {o.text.lower() for o in situation.options if o.right}
    found = [next(o.text for o in fault.options if o.right) for fault in exercises.faults]
    assert rows["Find the fault"].lower() == "; ".join(found).lower()
    assert rows["Exercise C"].startswith(exercises.read.steps[0].options[1].text.lower())
    for unit in COURSE.units:
        assert f"`{unit.id}`" in page
