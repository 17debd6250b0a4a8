"""JSON for pages: values that it has no word for become null."""

import json
import math
from collections.abc import Mapping
from typing import Any, cast

from starlette.responses import JSONResponse


def plain(value: Any) -> Any:
    """Values that JSON has words for: not-a-number becomes null, a tuple a list.

    Example:
        >>> plain({"a": (1.5, float("nan"))})
        {'a': [1.5, None]}
    """
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in cast(Mapping[Any, Any], value).items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in cast(list[Any], value)]
    return value


def dumps(value: Any) -> str:
    """One line of JSON."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


class Json(JSONResponse):
    """A response of JSON in which what is not finite is null."""

    def render(self, content: Any) -> bytes:
        """The bytes; a name that is no valid text loses those characters."""
        return dumps(content).encode("utf-8", "replace")
