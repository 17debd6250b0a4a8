"""One sentence when a model cannot do what a task needs."""

from reverie.core.capability import Decodes, Encodes, Inverts, Judges, Reconstructs, Samples, Scores
from reverie.core.errors import UsageError

CAPABILITIES: tuple[type, ...] = (Samples, Encodes, Decodes, Reconstructs, Scores, Inverts, Judges)


def require(model: object, task: str, *needed: type, name: str = "this model") -> None:
    """Does nothing when the model has every capability that the task needs.

    Args:
        model: a trained model.
        task: the task's name, for the message.
        *needed: classes of `reverie.core.capability`.
        name: what to call the model: usually its run's name.
    Raises:
        UsageError: a capability is missing; the message names those there are.

    Example:
        >>> require(object(), "interpolate", Decodes, name="plain")
        Traceback (most recent call last):
        ...
        reverie.core.errors.UsageError: interpolate needs Decodes; 'plain' has no capability. Name another run.
    """
    if all(isinstance(model, capability) for capability in needed):
        return
    wanted = " and ".join(capability.__name__ for capability in needed)
    raise UsageError(f"{task} needs {wanted}; {name!r} {capabilities(model)}. Name another run.")


def capabilities(model: object) -> str:
    """What a model can do, as the end of a sentence.

    Example:
        >>> capabilities(object())
        'has no capability'
    """
    found = [c.__name__ for c in CAPABILITIES if isinstance(model, c)]
    return f"has only {' and '.join(found)}" if found else "has no capability"
