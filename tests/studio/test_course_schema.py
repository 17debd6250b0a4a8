"""What the course's schema and its dialect of Markdown refuse, in words that name the place."""

from pathlib import Path

import pytest

from reverie.core.errors import DataError
from reverie.studio.course import dialect
from reverie.studio.course.parts import Draw
from reverie.studio.course.schema import Compute, Course, load_course

COURSE = load_course()
FOLDER = Path(__file__).parents[2] / "src" / "reverie" / "studio" / "course"


@pytest.mark.parametrize(
    "text, words",
    [
        ("a <script>alert(1)</script>", "HTML"),
        ("![a](https://b.example/c.png)", "picture"),
        ("[a](javascript:alert)", "link"),
        ("costs $5", "dollar"),
        ("# Title", "heading"),
        ("| a | b |", "table"),
        ("1. one", "list"),
        ("an `open code", "code"),
        ("{{ no: Thing }}", "braces"),
        (":::note A\ntext", "note"),
        (":::note\ntext\n:::", "note"),
        ("```python\nx\n```\n", "fence"),
        ("**bold", "bold"),
    ],
)
def test_what_the_dialect_does_not_know(text: str, words: str) -> None:
    assert words in (dialect.problem(text) or "")


def test_blocks_have_no_place_in_an_answer() -> None:
    assert dialect.problem("## Heading\n\n- a\n") is None
    assert dialect.problem("- a", blocks=False) is not None


def test_fill_puts_numbers_in_and_complains_of_missing_ones() -> None:
    assert dialect.fill("{{a:x}} of {{a:y}}", {"a": {"x": 12345, "y": "many"}}) == "12,345 of many"
    assert dialect.fill("{{a:x}} {{a:y}}", {"a": {"x": 5.0, "y": 0.25}}) == "5 0.25"
    with pytest.raises(DataError, match="no recorded run gives this. Record it"):
        dialect.fill("{{a:z}}", {"a": {}})
    with pytest.raises(DataError, match="is no number"):
        dialect.holds("a:x < 3", {"a": {"x": "many"}})
    with pytest.raises(DataError, match="is not a comparison"):
        dialect.holds("a:x is small", {})


def copy(tmp_path: Path) -> Path:
    (tmp_path / "units").mkdir()
    for path in (*FOLDER.glob("*.yaml"), *FOLDER.glob("units/*.md")):
        (tmp_path / path.relative_to(FOLDER)).write_bytes(path.read_bytes())
    return tmp_path


def test_a_copy_of_the_course_loads(tmp_path: Path) -> None:
    assert load_course(copy(tmp_path)) == COURSE


@pytest.mark.parametrize(
    "name, old, new, words",
    [
        ("cards.yaml", "unit: the-vae", "unit: the-var", "card-shape-of-a-vae refers to the unit 'the-var'"),
        (
            "cards.yaml",
            "id: card-gan-set-up",
            "id: card-shape-of-a-vae",
            "two things have the id 'card-shape-of-a-vae'",
        ),
        ("cards.yaml", "front: Mode", "facade: Mode", "card-mode-collapse: front: is missing"),
        ("cards.yaml", "- id: card-shape-of-a-vae", "- id: {", "cards.yaml: is not YAML"),
        ("questions.yaml", "      right: true\n", "", "0 of its 3 options are right"),
        ("exercises.yaml", "z: [0.6, 0.65, -0.2]", "z: [0.6, 0.65, -0.1]", "z must be mu \\+ sigma \\* eps"),
        ("units/01-two-questions.md", "number: 1\n", "number: 2\n", "units must be numbered from 1"),
        ("units/01-two-questions.md", "---\nid", "id", "has no front matter"),
        ("units/01-two-questions.md", "## Touch it", "# Touch it", "has a heading other than"),
        ("units/03-reparameterisation.md", "z: [0.55, -0.5]", "z: [0.55, 0.5]", "z must be"),
    ],
)
def test_a_mistake_in_a_file_is_named(tmp_path: Path, name: str, old: str, new: str, words: str) -> None:
    folder = copy(tmp_path)
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(DataError, match=words) as caught:
        load_course(folder)
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = copy(tmp_path)
    (folder / "exercises.yaml").unlink()
    with pytest.raises(DataError, match="exercises.yaml: is not there"):
        load_course(folder)


def test_mistakes_that_cannot_be_told_apart_are_refused() -> None:
    exercise = COURSE.exercises.compute
    values = exercise.model_dump() | {"draw": Draw(mu=[0.5], sigma=[1.0], eps=[0.5], z=[1.0]).model_dump()}
    with pytest.raises(ValueError, match="give the same numbers"):
        Compute.model_validate(values)


def test_a_course_is_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        COURSE.units = []  # type: ignore[misc]
    assert isinstance(COURSE, Course)
