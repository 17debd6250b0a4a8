"""The words say what the numbers say, and nothing that they do not."""

from typing import Any

from reverie.advise.recommendation import recommend


def run(name: str, can: tuple[str, ...], findings: tuple[dict[str, str], ...] = (), **metrics: float) -> dict[str, Any]:
    values = {
        metric: {"value": value, "unit": "ms" if metric == "latency" else ""} for metric, value in metrics.items()
    }
    return {"name": name, "path": f"b/{name}", "can": list(can), "findings": list(findings), "metrics": values}


def difference(metric: str, winner: str | None) -> dict[str, Any]:
    return {"metric": metric, "a": "vae", "b": "gan", "winner": winner}


VAE = ("Samples", "Encodes", "Decodes", "Scores")
GAN = ("Samples", "Decodes", "Inverts")


def test_the_better_samples_win_and_what_they_cost_is_said() -> None:
    runs = [run("vae", VAE, frechet=0.5, coverage=0.9), run("gan", GAN, frechet=0.1, coverage=0.8)]
    said = recommend({"runs": runs, "differences": [difference("frechet", "gan"), difference("coverage", "vae")]})
    assert said[0] == (
        "For new images take gan: it is better in frechet (0.1 against 0.5). It gives up coverage to vae."
    )
    assert said[1].startswith("For images of your own, to reconstruct, edit or search, take vae:")
    assert said[2] == "For likelihoods, to say how surprising images are, take vae."
    assert said[3].startswith("gan finds latents of real images, too, but by an optimisation")


def test_a_difference_that_may_be_chance_is_none() -> None:
    runs = [run("vae", VAE, frechet=0.5), run("gan", GAN, frechet=0.1)]
    said = recommend({"runs": runs, "differences": [difference("frechet", None)]})
    assert said[0] == "For new images: nothing tells vae and gan apart here, so choose by what follows."


def test_a_sick_run_is_treated_before_it_is_judged() -> None:
    finding = {"code": "G002", "title": "partial collapse"}
    runs = [run("vae", VAE, latency=9.0), run("gan", GAN, (finding,), latency=1.0)]
    said = recommend({"runs": runs, "differences": []})
    assert "gan is the fastest: 1 ms against 9 of vae." in said
    assert said[-1] == (
        "Before you decide: the doctor found G002 partial collapse in gan. `reverie treat b/gan` tries the remedy."
    )


def test_equal_speeds_and_abilities_are_not_worth_a_word() -> None:
    runs = [run(name, GAN, latency=1.0) for name in ("vae", "gan")]
    said = recommend({"runs": runs, "differences": []})
    assert len(said) == 2 and said[1].startswith("vae and gan find latents")


def test_an_encoder_is_no_answer_where_images_are_wanted() -> None:
    said = recommend({"runs": [run("ssl", ("Encodes",)), run("gan", GAN)], "differences": []})
    assert said[0] == "For new images: gan is the only one that makes any."


def test_a_number_that_was_asked_for_and_decides_is_not_nothing() -> None:
    runs = [run("vae", VAE, sliced_wasserstein=43.0, ndb=0.7), run("gan", GAN, sliced_wasserstein=20.0, ndb=0.2)]
    said = recommend({"runs": runs, "differences": [difference("sliced_wasserstein", "gan"), difference("ndb", None)]})
    assert said[0] == "For new images take gan: it is better in sliced wasserstein (20 against 43)."


def test_speeds_that_may_be_chance_are_not_told_apart() -> None:
    runs = [run("vae", GAN, latency=1.0), run("gan", GAN, latency=2.0)]
    for winner, said in ((None, False), ("vae", True)):
        words = recommend({"runs": runs, "differences": [difference("latency", winner)]})
        assert any("vae is the fastest" in sentence for sentence in words) is said


def test_points_are_called_points() -> None:
    runs = [run("vae", VAE, frechet=0.5), run("gan", GAN, frechet=0.1)]
    said = recommend({"runs": runs, "differences": [difference("frechet", "gan")], "kind": "points"})
    assert said[0].startswith("For new points take gan") and "image" not in " ".join(said)
