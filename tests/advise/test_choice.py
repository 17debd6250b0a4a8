"""The chooser: every path ends, every outcome is reached, and the same facts give the same answers."""

from pathlib import Path

import pytest

from reverie.advise.choice import advise, check, next_question
from reverie.advise.rules import completions, parse, rules
from reverie.core.errors import UsageError
from reverie.core.family import family_names, get_family
from reverie.core.recipe import Recipe

ALL = ("vae", "gan", "diffusion", "ssl")
TEXT = (Path(__file__).parents[2] / "src" / "reverie" / "advise" / "rules.toml").read_text(encoding="utf-8")
EVERY = completions(rules(), {})


def test_every_path_ends_and_every_outcome_is_reached() -> None:
    assert len(EVERY) == 2 * 2 * 2 * 2 * 3 * 2 * 3 * 3 * 2
    assert {rules().result(answers) for answers in EVERY} == set(rules().outcome)


def test_the_dialogue_reaches_what_all_answers_together_give() -> None:
    """Only the questions asked count: leaving the others out never changes the outcome."""
    for full in EVERY[::31]:
        given: dict[str, str] = {}
        while (question := next_question(rules(), given)) is not None:
            assert question.key not in given
            given[question.key] = full[question.key]
        found = advise(rules(), given, families=ALL, tasks=["translate"])
        assert found.outcome == rules().result(full) and not found.assumed


@pytest.mark.parametrize("here", [("vae", "gan"), ALL], ids=" ".join)
def test_every_advice_names_something_that_is_there(here: tuple[str, ...]) -> None:
    for key in rules().outcome:
        answers = next(a for a in EVERY if rules().result(a) == key)
        found = advise(rules(), answers, families=here)
        assert found.family in here and f"reverie train {found.family} " in found.command, key
        assert (found.missing is None) == (found.family == found.families[0]), key
        assert found.why and found.gives_up and found.said


SITUATIONS = {
    "a face-morph interface": ({"synthesis": "yes", "latent": "yes"}, ("vae", "gan")),
    "a frozen encoder for classification": ({"synthesis": "no", "likelihood": "no"}, ("ssl",)),
    "photorealistic landscapes": ({"realism": "best", "latency": "any", "device": "gpu"}, ("diffusion", "gan")),
    "on a phone, tight latency": ({"device": "phone", "latency": "tight", "realism": "good"}, ("gan", "vae")),
}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_four_situations_of_the_course(situation: str) -> None:
    answers, families = SITUATIONS[situation]
    found = advise(rules(), answers, families=ALL)
    assert found.families == families and found.family == families[0] and found.missing is None


def test_a_family_that_is_not_there_yet_is_said_so() -> None:
    found = advise(rules(), {"realism": "best", "device": "gpu"}, families=("vae", "gan"))
    assert found.families[0] == "diffusion" and found.family == "gan"
    assert found.missing is not None and "does not have the family diffusion yet" in found.missing
    assert found.command.startswith("reverie train gan DATA") and found.next is None
    pairs = advise(rules(), {"paired": "yes"}, families=ALL, tasks=[])
    assert pairs.missing is not None and "`reverie translate`" in pairs.missing
    with pytest.raises(UsageError, match="neither it nor anything near it"):
        advise(rules(), {}, families=())


def test_commands_train_with_presets_and_settings_that_exist() -> None:
    for outcome in rules().outcome.values():
        for command in [*outcome.commands.values(), outcome.nearest_command or ""]:
            words = command.split()
            if words[:2] != ["reverie", "train"] or words[2] not in family_names():
                continue
            family = get_family(words[2])
            if "--preset" in words:
                assert words[words.index("--preset") + 1] in family.presets(), command
            if "--set" in words:
                key, value = words[words.index("--set") + 1].split("=")
                section, field = key.split(".")
                Recipe.from_dict({"family": words[2], section: {field: value}})


def test_what_nobody_answered_is_assumed_and_said() -> None:
    found = advise(rules(), {"latency": "tight"}, families=ALL)
    assert found.assumed["stable"] == "no" and "latency" not in found.assumed and "device" not in found.assumed


def test_measured_numbers_take_the_place_of_folklore() -> None:
    told = {"vae": {"sharpness": "sharpness 0.62 ± 0.01"}}
    found = advise(rules(), {"latent": "yes"}, families=ALL, measured=told)
    assert ("vae", "sharpness 0.62 ± 0.01", True) in found.said
    assert not any(words == rules().folklore["vae"]["sharpness"] for _, words, _ in found.said)
    assert ("gan", rules().folklore["gan"]["sharpness"], False) in found.said


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ({"latencey": "tight"}, "'latencey' is not a question. Did you mean 'latency'"),
        ({"device": "toaster"}, "device: 'toaster' is not an answer. Use one of: phone, laptop, gpu"),
    ],
)
def test_an_unknown_answer_names_those_there_are(answers: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        check(rules(), answers)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('when = {}\noutcome = "balanced"', 'when = { latent = ["yes"] }\noutcome = "balanced"', "would not end"),
        ('outcome = "few-sharp"', 'outcome = "few"', "no answers lead to few-sharp"),
        ('outcome = "few-sharp"', 'outcome = "fewer"', "which is not an outcome"),
        ('latency = ["tight"], stable', 'latency = ["tigth"], stable', "which nobody can answer"),
        ('default = "laptop"', 'default = "desk"', "is not one of its answers"),
        ('key = "latent"', 'key = "paired"', "two questions have one key"),
        ("[[question]]", "[[questions]]", "question"),
        ("[[rule]]", "[[rule", "are not TOML"),
    ],
)
def test_broken_rules_are_refused(old: str, new: str, words: str) -> None:
    assert old in TEXT
    with pytest.raises(UsageError, match=words):
        parse(TEXT.replace(old, new, 1))
