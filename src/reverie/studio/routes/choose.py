"""The chooser's part of the interface."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request

from reverie.studio.course.chooser import answered, chooser_table
from reverie.studio.faults import Fault
from reverie.studio.plain import Json

MOST_ANSWERS, LONGEST = 32, 60
router = APIRouter(prefix="/choose", default_response_class=Json)


@router.get("")
def table() -> Any:
    """Questions, rules, outcomes, what is said of the families, and what is installed."""
    return chooser_table()


@router.get("/answer")
def answer(request: Request) -> Any:
    """The next question, or the advice, for the answers in the query; `measured` may name a finished comparison."""
    given = request.query_params.multi_items()
    if len(given) > MOST_ANSWERS or any(len(part) > LONGEST for pair in given for part in pair):
        raise Fault(400, "choose: that is no list of answers. Open the page of the chooser again.")
    if len({key for key, _ in given}) < len(given):
        raise Fault(400, "choose: a question is answered twice. Answer each question once.")
    answers = dict(given)
    return answered(answers, measured=_numbers(request, answers.pop("measured", None)))


def _numbers(request: Request, job: str | None) -> Mapping[str, Mapping[str, str]] | None:
    if job is None:
        return None
    from reverie.api.choosing import numbers

    found = request.app.state.jobs.get(job)
    if found.kind != "compare" or found.result is None:
        raise Fault(409, "measured: that comparison has not ended. Wait for it, or leave it out.")
    return numbers(found.result)
