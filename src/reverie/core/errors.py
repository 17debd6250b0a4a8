"""Errors a user can act on: one sentence with a next step, and the exit status of the command that meets them."""


class ReverieError(Exception):
    """Something a user can put right; the message is one sentence plus a next step.

    The command line prints the message alone and exits with `exit_status`; a traceback in its place is a bug.

    Example:
        >>> raise ReverieError("photos: holds no images. Name a folder, or a built-in set.")
        Traceback (most recent call last):
        ...
        reverie.core.errors.ReverieError: photos: holds no images. Name a folder, or a built-in set.
    """

    exit_status = 1


class UsageError(ReverieError):
    """The command line or a recipe asks for something that does not exist or is out of range."""

    exit_status = 2


class RecipeError(UsageError):
    """One or more recipe values are unknown or out of range; every problem is listed, one a line."""


class DataError(ReverieError):
    """The images cannot be read, or must not be (bombs, path traversal, too many broken files)."""


class RunError(ReverieError):
    """A run folder is locked, damaged, or not a run folder."""


class TrainingError(ReverieError):
    """A training had to stop, for instance because its numbers ceased to be finite."""


class Interrupted(ReverieError):
    """The user stopped a training; the work is saved and the message says how to go on."""

    exit_status = 4
