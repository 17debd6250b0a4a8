"""From a comparison's numbers to words: which of the compared to take, for what, and what is given up."""

from collections.abc import Mapping, Sequence
from typing import Any

# Numbers that say whether samples are like the data, the plainest first.
OF_SAMPLES = (
    "frechet",
    "kid",
    "sliced_wasserstein",
    "coverage",
    "recall",
    "density",
    "precision",
    "ndb",
    "high_quality",
    "reverse_kl",
)
SMALL = 1.2  # times another's: below that a latency is not worth a word


def recommend(told: Mapping[str, Any]) -> list[str]:
    """Sentences, the most important first.

    Args:
        told: what `reverie.api.compare` returns, each of its "runs" with "can", the capabilities of its model; "kind"
            says whether items are images or points.
    Returns:
        for new images; for real ones (reconstructions, edits, likelihoods); how fast; what to treat first.

    Example:
        >>> metrics = {"frechet": {"value": 0.3}}
        >>> runs = [{"name": name, "can": ["Samples"], "metrics": metrics} for name in ("a", "b")]
        >>> recommend({"runs": runs, "differences": []})
        ['For new images: nothing tells a and b apart here, so choose by what follows.']
    """
    runs, differences, kind = list(told["runs"]), list(told["differences"]), str(told.get("kind", "images"))
    said = [_for_new(kind, runs, differences), *_for_real(kind, runs), *_speed(runs, differences)]
    for run in runs:
        for finding in run.get("findings", ())[:1]:
            said.append(
                f"Before you decide: the doctor found {finding['code']} {finding['title']} in {run['name']}. "
                f"`reverie treat {run['path']}` tries the remedy."
            )
    return said


def _for_new(kind: str, runs: Sequence[Mapping[str, Any]], differences: Sequence[Mapping[str, Any]]) -> str:
    """The one with the most wins in what says whether samples are like the data, and where it loses."""
    names = [run["name"] for run in runs if "Samples" in run.get("can", ())]
    if len(names) < 2:
        only = f"For new {kind}: {names[0]} is the only one that makes any." if names else ""
        return only or f"None of these makes {kind}."
    tested = [d for d in differences if d["metric"] in OF_SAMPLES and {d["a"], d["b"]} <= set(names)]
    wins = {name: [d for d in tested if d["winner"] == name] for name in names}
    # the plainest number first: who wins more of the others decides between equals
    best = max(names, key=lambda name: (_frechet_wins(wins[name]), len(wins[name])))
    if not any(wins.values()):
        return f"For new {kind}: nothing tells {_listed(names)} apart here, so choose by what follows."
    words = [f"{d['metric'].replace('_', ' ')} ({_numbers(d, runs, best)})" for d in wins[best][:3]]
    text = f"For new {kind} take {best}: it is better in {_listed(words)}."
    lost = [d for d in tested if d["winner"] not in (None, best) and best in (d["a"], d["b"])]
    if lost:
        text += f" It gives up {_listed([d['metric'].replace('_', ' ') for d in lost])} to {lost[0]['winner']}."
    return text


def _frechet_wins(wins: Sequence[Mapping[str, Any]]) -> int:
    return sum(d["metric"] == "frechet" for d in wins)


def _for_real(kind: str, runs: Sequence[Mapping[str, Any]]) -> list[str]:
    said: list[str] = []
    for ability, purpose in (
        (
            "Encodes",
            f"For {kind} of your own, to reconstruct, edit or search, take {{}}: one pass gives their latents.",
        ),
        ("Scores", f"For likelihoods, to say how surprising {kind} are, take {{}}."),
    ):
        able = [run["name"] for run in runs if ability in run.get("can", ())]
        if able and len(able) < len(runs):
            said.append(purpose.format(_listed(able, "or")))
    slow = [r["name"] for r in runs if "Inverts" in r.get("can", ()) and "Encodes" not in r.get("can", ())]
    if slow:
        verb = "finds" if len(slow) == 1 else "find"
        said.append(f"{_listed(slow)} {verb} latents of real {kind}, too, but by an optimisation of seconds for each.")
    return said


def _speed(runs: Sequence[Mapping[str, Any]], differences: Sequence[Mapping[str, Any]]) -> list[str]:
    """Who is fastest by more than a word is worth, unless that may be chance."""
    timed = {r["name"]: r["metrics"]["latency"] for r in runs if "latency" in r["metrics"]}
    if len(timed) < 2:
        return []
    fast, slow = min(timed, key=lambda n: timed[n]["value"]), max(timed, key=lambda n: timed[n]["value"])
    if timed[slow]["value"] < SMALL * timed[fast]["value"]:
        return []
    if any(d["winner"] is None for d in differences if d["metric"] == "latency" and {d["a"], d["b"]} == {fast, slow}):
        return []
    unit = timed[fast].get("unit", "")
    return [f"{fast} is the fastest: {timed[fast]['value']:.3g} {unit} against {timed[slow]['value']:.3g} of {slow}."]


def _numbers(difference: Mapping[str, Any], runs: Sequence[Mapping[str, Any]], first: str) -> str:
    other = difference["b"] if difference["a"] == first else difference["a"]
    values = {
        run["name"]: run["metrics"][difference["metric"]]["value"] for run in runs if run["name"] in (first, other)
    }
    return f"{values[first]:.3g} against {values[other]:.3g}"


def _listed(words: Sequence[str], last: str = "and") -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"
