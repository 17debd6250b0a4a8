"""The chooser without a server: one table, and cases that the page's evaluator is tested on as well.

`REVERIE_UPDATE=1 pytest tests/studio/test_choose.py` writes the cases anew; the difference is reviewed like code.
"""

import json
import os
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reverie import api
from reverie.advise.choice import advise, next_question
from reverie.advise.rules import completions, rules
from reverie.core.errors import UsageError
from reverie.studio.course.chooser import answered, chooser_table, paths, task_names

CASES = Path(__file__).parents[2] / "web" / "tests" / "choose_cases.json"
FAMILIES = ["gan", "ssl", "vae"]  # what the cases take for installed: they must not change with what is
FEWER = [["gan"], ["vae"], ["diffusion", "gan", "ssl", "vae"]]


def cases() -> dict[str, Any]:
    """The table, and answers with what they lead to: every conversation, and some that skip questions."""
    chance = np.random.default_rng(0)
    some = [
        {q.key: str(chance.choice(list(q.answers))) for q in rules().question if chance.random() < 0.4}
        for _ in range(60)
    ]
    asked: list[tuple[dict[str, str], list[str]]] = [(answers, FAMILIES) for answers in [{}, *paths(), *some]]
    asked += [(answers, FEWER[i % len(FEWER)]) for i, answers in enumerate(some[:30])]
    return {"table": rules().model_dump(), "tasks": task_names(), "cases": [case(*one) for one in asked]}


def case(answers: dict[str, str], families: list[str]) -> dict[str, Any]:
    """What the answers lead to: the next question's key, and the advice that takes defaults for what is open."""
    question = next_question(rules(), answers)
    told: dict[str, Any] = {"answers": answers, "families": families, "next": question.key if question else None}
    try:
        advice = advise(rules(), answers, families=families, tasks=task_names())
    except UsageError as error:
        return told | {"advice": None, "error": str(error)}
    words = ("title", "why", "gives_up")  # as the table has them
    return told | {"advice": {k: v for k, v in advice.to_dict().items() if k not in words}, "error": None}


def text_of(found: dict[str, Any]) -> str:
    """JSON with a line for each case."""
    head = {name: found[name] for name in ("table", "tasks")}
    lines = ",\n".join(json.dumps(one, ensure_ascii=False) for one in found["cases"])
    return f'{json.dumps(head, ensure_ascii=False)[:-1]}, "cases": [\n{lines}\n]}}\n'


def test_the_cases_of_the_page_are_current() -> None:
    text = text_of(cases())
    assert json.loads(text) == json.loads(json.dumps(cases()))
    if os.environ.get("REVERIE_UPDATE"):
        CASES.parent.mkdir(parents=True, exist_ok=True)
        CASES.write_text(text, encoding="utf-8")
    if not CASES.parent.is_dir():
        pytest.skip("the pages' source is not here")
    assert CASES.read_text(encoding="utf-8") == text, "REVERIE_UPDATE=1 pytest tests/studio/test_choose.py, and look"


def test_every_conversation_ends_where_the_rules_lead() -> None:
    """The oracle tries every complete answer that agrees with the conversation."""
    ends = paths()
    assert len(ends) == len({tuple(sorted(p.items())) for p in ends})
    for answers in ends:
        advice = answered(answers, families=FAMILIES)["advice"]
        assert {rules().result(full) for full in completions(rules(), answers)} == {advice["outcome"]}
    assert {answered(a, families=FAMILIES)["advice"]["outcome"] for a in ends} == set(rules().outcome)


def test_only_questions_that_matter_are_asked() -> None:
    for answers in islice(paths(), 0, None, 9):
        given: dict[str, str] = {}
        for key, answer in answers.items():
            state = answered(given, families=FAMILIES)
            assert state["next"]["key"] == key and state["advice"] is None
            assert [one["key"] for one in state["so_far"]] == list(given)
            outcomes = {
                answer: {rules().result(full) for full in completions(rules(), {**given, key: answer})}
                for answer in state["next"]["answers"]
            }
            assert len(set.union(*outcomes.values())) > 1
            given[key] = answer


def test_the_table_is_all_there_is_to_know(studio: Any) -> None:
    table = studio.browser.get("/api/choose").json()
    assert table == json.loads(json.dumps(chooser_table())) and set(table["installed"]) == {"families", "tasks"}
    assert rules().model_validate({k: v for k, v in table.items() if k != "installed"}) == rules()


def test_the_page_and_the_command_advise_alike(studio: Any) -> None:
    for answers in islice(paths(), 0, None, 7):
        told = studio.browser.get("/api/choose/answer", params=answers).json()
        expected = api.choose(answers)
        assert told["next"] is None and told["advice"].items() <= expected.items()
        assert [one["words"] for one in told["so_far"]] and {o["key"]: o["answer"] for o in told["so_far"]} == answers


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ("latency=tigth", 400, "Did you mean 'tight'"),
        ("colour=red", 400, "is not a question"),
        ("latent=yes&latent=no", 400, "answered twice"),
        ("latent=" + "y" * 61, 400, "no list of answers"),
        ("&".join(f"a{i}=b" for i in range(33)), 400, "no list of answers"),
    ],
)
def test_answers_that_are_none_are_sentences(studio: Any, query: str, status: int, words: str) -> None:
    answer = studio.browser.get(f"/api/choose/answer?{query}")
    assert answer.status_code == status and words in answer.json()["error"]
