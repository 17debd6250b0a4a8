"""What goes wrong between a browser and the studio: a status and a sentence."""

from reverie.core.errors import ReverieError


class Fault(ReverieError):
    """A request that cannot be answered as it was asked.

    Args:
        status: of HTTP, 4xx or 5xx.
        message: one sentence with a next step.

    Example:
        >>> Fault(404, "There is no such run.").status
        404
    """

    def __init__(self, status: int, message: str) -> None:
        Exception.__init__(self, message)
        self.status = status
