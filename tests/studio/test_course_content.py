"""The course as it is published: it holds together, says nothing that was not computed, measured or cited, and shows
commands that exist."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

import reverie
from reverie.studio.course import dialect
from reverie.studio.course.parts import mistaken, reparameterised
from reverie.studio.course.schema import Option, Unit, load_course

COURSE = load_course()
FOLDER = Path(__file__).parents[2] / "src" / "reverie" / "studio" / "course"
RECORDED = FOLDER / "recorded" / "index.json"

# Published ids. Learners' schedules and links refer to them: one may be added, none may go or change.
UNITS = [
    "two-questions",
    "the-vae",
    "reparameterisation",
    "the-elbo",
    "the-gan",
    "when-a-gan-fails",
    "the-trade-off",
    "where-vaes-live",
]
PRACTICE = [
    "q-what-each-learns",
    "q-vae-in-a-sentence",
    "q-the-trick",
    "q-two-terms",
    "q-gan-in-a-sentence",
    "q-strengths-and-weaknesses",
    "q-why-vaes-remain",
]
CARDS = [
    "card-discriminative-generative",
    "card-shape-of-a-vae",
    "card-reparameterisation",
    "card-elbo-two-terms",
    "card-gan-set-up",
    "card-vae-for-and-against",
    "card-gan-for-and-against",
    "card-mode-collapse",
    "card-why-vaes-remain",
]
EXERCISES = ["exercise-a", "exercise-b", "exercise-c", "exercise-b-morph", "exercise-b-encoder"]
EXERCISES += ["exercise-b-landscapes", "exercise-b-phone", "fault-1", "fault-2", "fault-3", "fault-4"]


def texts(part: object, where: str = "") -> Iterator[tuple[str, str]]:
    """Every text of the course, with its place."""
    if isinstance(part, str):
        yield where, part
    elif isinstance(part, BaseModel):
        for name, value in part:
            yield from texts(value, f"{where}.{name}")
    elif isinstance(part, list | tuple):
        for value in part:
            name = value.id if isinstance(value, BaseModel) and "id" in type(value).model_fields else ""
            yield from texts(value, f"{where}/{name}")


TEXTS = list(texts(COURSE))


def every_option() -> Iterator[tuple[str, list[Option]]]:
    for unit in COURSE.units:
        yield f"predict of {unit.id}", unit.predict.options
    exercises = COURSE.exercises
    for one in (*COURSE.questions, *exercises.choose.situations, *exercises.read.steps, *exercises.faults):
        if one.options:
            yield one.id, list(one.options)


def prose(unit: Unit) -> list[str]:
    """What is read of a unit; options are chosen, not read for long."""
    run, explain = unit.run, unit.explain
    head = [unit.claim, unit.picture.caption, unit.predict.question]
    return [*head, unit.body, run.words, unit.compare, explain.prompt, explain.model_answer]


# --- structure


def test_units_are_those_of_the_curriculum_in_order() -> None:
    assert [unit.id for unit in COURSE.units] == UNITS
    names = [path.name for path in sorted((FOLDER / "units").glob("*.md"))]
    assert names == [f"{number:02d}-{name}.md" for number, name in enumerate(UNITS, 1)]


def test_published_ids_are_still_there() -> None:
    ids = list(COURSE.ids())
    lost = [name for name in (*UNITS, *PRACTICE, *CARDS, *EXERCISES) if name not in ids]
    assert not lost, f"learners' schedules refer to {lost}; put them back"
    assert len(ids) == len(set(ids))


def test_each_picture_is_shown_once() -> None:
    shown = Counter(unit.picture.component for unit in COURSE.units)
    assert len(shown) == 8 and set(shown.values()) == {1}


def test_a_run_that_a_unit_plays_is_in_its_picture() -> None:
    for unit in COURSE.units:
        assert unit.run.recorded is None or unit.run.recorded in unit.picture.runs, unit.id


def test_seven_practice_questions_are_open_and_in_order() -> None:
    practice = sorted((q for q in COURSE.questions if q.practice), key=lambda q: q.practice or 0)
    assert [q.id for q in practice] == PRACTICE and [q.practice for q in practice] == list(range(1, 8))
    assert all(q.answer and q.points for q in practice)


def test_each_unit_comes_back_two_or_three_times_and_mostly_later() -> None:
    later = [q for q in COURSE.questions if q.after is not None]
    assert set(Counter(q.unit for q in later).values()) <= {2, 3} and {q.unit for q in later} == set(UNITS)
    same = [q.id for q in later if q.after == q.unit and q.unit != UNITS[-1]]
    assert len(same) <= 1, f"asked where they were just read: {same}"
    for before, unit in zip(UNITS, UNITS[1:], strict=False):
        asked = [q.id for q in later if q.after == unit]
        assert asked, f"{unit} asks nothing of {before} or earlier"


# --- answers


@pytest.mark.parametrize("where, options", list(every_option()), ids=lambda value: value if type(value) is str else "")
def test_every_answer_has_a_reason_of_its_own(where: str, options: list[Option]) -> None:
    reasons = [option.why for option in options]
    assert all(dialect.num_words(why) >= 4 for why in reasons), reasons
    assert len(set(reasons)) == len(reasons)
    bare = {why.strip(" .!").lower() for why in reasons}
    assert not bare & {"right", "wrong", "correct", "no", "yes"}


def test_the_place_of_an_answer_gives_nothing_away() -> None:
    single = [options for _, options in every_option() if sum(o.right for o in options) == 1]
    places = Counter(next(i for i, o in enumerate(options) if o.right) for options in single)
    assert max(places.values()) <= 0.45 * len(single), places


def test_the_longest_answer_is_not_always_the_right_one() -> None:
    single = [options for _, options in every_option() if sum(o.right for o in options) == 1]
    longest = [max(options, key=lambda o: len(o.text)).right for options in single]
    assert sum(longest) <= 0.65 * len(longest)


# --- numbers


def test_the_worked_example_is_what_the_formula_gives() -> None:
    unit = next(unit for unit in COURSE.units if unit.id == "reparameterisation")
    assert unit.worked is not None
    z = [m + s * e for m, s, e in zip(unit.worked.mu, unit.worked.sigma, unit.worked.eps, strict=True)]
    assert z == pytest.approx([0.55, -0.5]) and unit.worked.z == pytest.approx(z)
    for name, values in (("mu", unit.worked.mu), ("sigma", unit.worked.sigma), ("varepsilon", unit.worked.eps)):
        assert f"\\{name} = ({', '.join(map(str, values))})" in unit.body
    assert "z = (0.55, -0.5)" in unit.body


def test_exercise_a_is_what_the_formula_gives() -> None:
    exercise = COURSE.exercises.compute
    given_ = exercise.draw
    assert (given_.mu, given_.sigma, given_.eps) == ([0.2, 0.7, -0.3], [0.4, 0.1, 0.5], [1.0, -0.5, 0.2])
    assert reparameterised(given_.mu, given_.sigma, given_.eps) == pytest.approx([0.6, 0.65, -0.2])
    for name, values in (("mu", given_.mu), ("sigma", given_.sigma), ("varepsilon", given_.eps)):
        assert f"\\{name} = ({', '.join(map(str, values))})" in exercise.ask


def test_every_known_mistake_gives_other_numbers() -> None:
    exercise = COURSE.exercises.compute
    draw, made = exercise.draw, [exercise.draw.z]
    for slip in exercise.slips:
        numbers = mistaken(slip.mistake, draw.mu, draw.sigma, draw.eps)
        assert all(max(abs(a - b) for a, b in zip(numbers, one, strict=True)) > exercise.tolerance for one in made)
        made.append(numbers)
    assert len(exercise.slips) == 6


def test_a_fresh_draw_never_answers_itself() -> None:
    """In no dimension is z equal to mu or to eps, so that something has to be worked out."""
    fresh = COURSE.exercises.compute.fresh
    assert 0 not in fresh["eps"] and min(fresh["sigma"]) > 0 and 1 not in fresh["sigma"] and 0 not in fresh["mu"]


@given(st.data())
def test_fresh_draws_have_short_answers(data: st.DataObject) -> None:
    fresh = COURSE.exercises.compute.fresh
    mu, sigma, eps = (data.draw(st.sampled_from(fresh[name])) for name in ("mu", "sigma", "eps"))
    z = reparameterised([mu], [sigma], [eps])[0]
    assert z == pytest.approx(round(z, 2), abs=1e-9) and abs(z) < 3


def test_sums_that_texts_do_in_passing() -> None:
    text = "\n".join(text for _, text in TEXTS)
    assert "6,912" in text and 48 * 48 * 3 == 6912
    assert "48 times" in text and 8 * 8 * 3 / 4 == 48
    assert "1,797 digits" in text


def test_the_number_of_digits_is_scikit_learns() -> None:
    from sklearn.datasets import load_digits

    assert len(load_digits().images) == 1797


def test_the_share_of_degraded_logs_is_the_published_tables() -> None:
    """StudioGAN's logs: FID best and last, as benchmarks/RESULTS.md has them."""
    page = (FOLDER.parents[3] / "benchmarks" / "RESULTS.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \S+@\S+ \| ([\d.]+) \| ([\d.]+) \|", page, re.MULTILINE)
    assert len(rows) == 6 and all(float(last) >= 1.5 * float(best) for best, last in rows)
    assert "thirty public logs" in page
    assert any("In six, the last FID is at least half again as bad" in text for _, text in TEXTS)


# --- the chooser answers as the exercise does


@pytest.mark.parametrize("situation", COURSE.exercises.choose.situations, ids=lambda s: s.id)
def test_the_chooser_agrees_with_exercise_b(situation) -> None:
    told = reverie.choose(situation.answers)
    assert told["outcome"] == situation.outcome
    assert {option.family for option in situation.options if option.right} == set(told["families"])
    assert not told["assumed"], "the facts must decide, nothing may be taken for granted"
    assert {option.family for option in situation.options} == {"vae", "gan", "diffusion", "ssl"}


# --- texts


def test_every_text_is_in_the_dialect() -> None:
    for where, text in TEXTS:
        assert dialect.problem(text, blocks=where.endswith(".body")) is None, where
        assert "  " not in text.replace("\n  ", "\n") and "\t" not in text, f"{where} has double spaces"


AMERICAN = r"\b(\w*(?:color|behavior|neighbor|center|gray)\w*|(?:optim|normal|regular|visual|penal|memor)iz\w*)\b"
HYPE = r"\b(amazing|powerful|simply|revolution\w*|state-of-the-art|cutting-edge|magic\w*|obvious\w*|let's|wow)\b|!(?!=)"


def test_spelling_is_british_and_nothing_is_sold() -> None:
    for where, text in TEXTS:
        bare = re.sub(r"`[^`]*`|\$[^$]*\$|https://\S+", "", text)
        found = re.search(AMERICAN, bare, re.IGNORECASE) or re.search(HYPE, bare, re.IGNORECASE)
        assert not found, f"{where}: {found}"


def test_sentences_are_short() -> None:
    lengths = []
    for unit in COURSE.units:
        for paragraph in re.split(r"\n\s*\n|\n- ", re.sub(r"\$\$.*?\$\$", "", unit.body, flags=re.DOTALL)):
            lengths += [dialect.num_words(s) for s in re.split(r"(?<=[.?!])\s+", paragraph) if s.strip()]
    assert sum(lengths) / len(lengths) < 15 and max(lengths) <= 45


def test_units_are_read_in_about_a_quarter_of_an_hour() -> None:
    minutes = {u.id: sum(map(dialect.num_words, prose(u))) / dialect.WORDS_A_MINUTE for u in COURSE.units}
    assert 12 <= sum(minutes.values()) <= 16, minutes
    for unit in COURSE.units:
        assert unit.minutes == pytest.approx(minutes[unit.id], abs=0.15), f"{unit.id} takes {minutes[unit.id]:.1f}"
        assert minutes[unit.id] <= 2.5


def test_practice_is_read_in_about_a_quarter_of_an_hour() -> None:
    whole = [text for where, text in TEXTS if re.match(r"\.(questions|exercises)", where)]
    skipped = re.compile(r"^[a-z0-9-]+$")  # ids and keys, which nobody reads
    words = sum(dialect.num_words(text) for text in whole if not skipped.match(text))
    assert 12 <= words / dialect.WORDS_A_MINUTE <= 18, words


def test_a_card_fits_a_small_page() -> None:
    for card in COURSE.cards:
        assert card.front.endswith("?") and dialect.num_words(card.front) <= 18, card.id
        assert dialect.num_words(card.back) <= 45, card.id


def test_every_unit_asks_before_it_shows_and_touches_its_picture() -> None:
    for unit in COURSE.units:
        assert re.search(r"before you (look|read|press)", unit.body, re.IGNORECASE) or unit.number == 1, unit.id
        assert re.search(r"(?<!\w)(press|drag|click|open|move|switch|take the slider)\b", unit.body, re.IGNORECASE)


# --- commands, sources, recordings


def test_commands_in_texts_are_those_of_the_command_line() -> None:
    shown = [(where, words) for where, text in TEXTS for words in dialect.commands(text)]
    lives = [(unit.id, words) for unit in COURSE.units for words in dialect.commands(f"`{unit.run.live}`")]
    assert len(lives) == 8 and len(shown) >= 3
    for where, words in shown + lives:
        check_command(words, where)


def check_command(words: list[str], where: str) -> None:
    """The command line's own parser takes these words, and family, preset, data and settings exist."""
    from typer.main import get_command

    from reverie.cli import app

    root = get_command(app)
    assert words[0] in root.commands, f"{where}: reverie has no {words[0]!r}"  # type: ignore[attr-defined]
    command = root.commands[words[0]]  # type: ignore[attr-defined]
    context = command.make_context(words[0], list(words[1:]))
    given_ = context.params
    if words[0] == "train":
        from reverie.data.catalogue import dataset_names

        settings = dict(one.split("=") for one in given_["settings"] or [])
        assert given_["data"] in dataset_names(), where
        changed = {key: json.loads(value) for key, value in settings.items()}
        reverie.recipe(given_["what"], given_["data"], preset=given_["preset"], settings=changed)


def test_sources_have_a_year_and_a_whole_link() -> None:
    for unit in COURSE.units:
        for source in unit.sources:
            assert re.search(r"\b(19|20)\d\d\b|section|DPM", source.text), f"{unit.id}: {source.text} has no year"
            if source.url and "arxiv" in source.url:
                assert re.fullmatch(
                    r"https://arxiv\.org/abs/\d{4}\.\d{5}|https://arxiv\.org/abs/\d{4}\.\d{4}", source.url
                )


def test_no_figure_of_a_run_is_written_by_hand() -> None:
    """Percentages and nats come from recordings, through placeholders; the few others are computed above."""
    for where, text in TEXTS:
        bare = re.sub(r"\{\{.*?\}\}", "", text)
        found = re.search(r"\d[\d.,]* ?(?:%|nats|ms\b|minutes\b)", bare)
        assert not found or where.endswith("q-never-seen.ask"), f"{where}: {found}"


PLACED = sorted({pair for _, text in TEXTS for pair in dialect.placeholders(text)})
HOLDS = [(unit.id, comparison) for unit in COURSE.units for comparison in unit.holds]


def test_placeholders_are_of_recordings_that_the_course_plays() -> None:
    known = {*COURSE.recordings(), "trade-off", "latent-diffusion"}
    compared = {side.split(":")[0] for _, line in HOLDS for side in line.split() if ":" in side}
    assert {run for run, _ in PLACED} | compared <= known


def facts() -> dict[str, dict[str, object]]:
    if not RECORDED.exists():
        pytest.skip("runs are not recorded yet; src/reverie/studio/course/record.py makes them")
    told = json.loads(RECORDED.read_text(encoding="utf-8"))
    return {run["id"]: run["facts"] for run in told["runs"]} | told.get("facts", {})


def test_recordings_give_every_number_that_texts_name() -> None:
    known = facts()
    missing = [f"{run}:{key}" for run, key in PLACED if key not in known.get(run, {})]
    assert not missing, f"no recorded run gives {missing}"
    assert set(COURSE.recordings()) <= set(known)


@pytest.mark.parametrize("unit, comparison", HOLDS, ids=[c for _, c in HOLDS])
def test_recordings_bear_out_what_texts_conclude(unit: str, comparison: str) -> None:
    known = facts()
    for run in {side.split(":")[0] for side in comparison.split() if ":" in side}:
        if run not in known:  # that all are there is tested above
            pytest.skip(f"{run} is not recorded")
    assert dialect.holds(comparison, known), f"{unit} says otherwise"


TOLD = {
    "gan-healthy": ("nothing",),
    "gan-collapse": ("G001", "G002"),
    "fault-1": ("G003",),
    "fault-2": ("G001", "G002"),
    "fault-3": ("nothing",),
    "fault-4": ("G007",),
    "vae-faces-b40": ("V001",),
}


@pytest.mark.parametrize("run", TOLD)
def test_the_doctor_finds_in_recordings_what_texts_tell(run: str) -> None:
    known = facts()
    if run not in known:
        pytest.skip(f"{run} is not recorded")
    assert str(known[run]["doctor"]).startswith(TOLD[run]), known[run]["doctor"]
