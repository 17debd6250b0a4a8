"""The little Markdown that the course is written in, and the placeholders whose values come from recorded runs.

Blocks: paragraphs; `## headings`; lists of `- `; fenced `bash` blocks; formulas on lines of their own between two lines
of `$$`; and notes:

    :::note A title
    A paragraph.
    :::

Inline: `**bold**`, `*italic*`, `` `code` ``, `[words](https://...)`, `$formula$` (KaTeX). A dollar that opens no
formula does not occur. No HTML, no pictures, no tables, no other headings: pages decide what they show, not texts.

A placeholder `{{run:key}}` stands for a number that was measured. It is filled in from the facts of that recorded run
when the pages are built, so that no text can disagree with its data.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from reverie.core.errors import DataError

WORDS_A_MINUTE = 200

_PLACEHOLDER = re.compile(r"\{\{\s*([a-z0-9-]+)\s*:\s*([a-z0-9_]+)\s*\}\}")
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NOTE = re.compile(r"^:::note \S.*$")
_DISPLAY = re.compile(r"^\$\$\n(.+?)\n\$\$$", re.MULTILINE | re.DOTALL)
_INLINE_FORMULA = re.compile(r"\$([^$\n]+)\$")
_CODE = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\[([^\]\n]+)\]\(([^)\s]+)\)")
_COMPARISON = re.compile(r"^(\S+) (<|<=|>|>=) (\S+)$")


def problem(text: str, *, blocks: bool = True) -> str | None:
    """What is wrong with a text, in words; None when every page can show it.

    Args:
        text: Markdown.
        blocks: False for a text that stands inside a line, such as an answer: it has paragraphs alone.

    Example:
        >>> problem("A **bold** $x^2$."), problem("<b>no</b>")
        (None, 'holds HTML (<b>)')
    """
    rest = _PLACEHOLDER.sub("0", text)
    rest = _FENCE.sub(lambda match: "" if match[1] == "bash" else "```" + match[1], rest) if blocks else rest
    rest = _DISPLAY.sub("", rest) if blocks else rest
    if _in_a_note(rest):
        return "has a note that is not opened by ':::note Title' or not closed by ':::'"
    rest = _INLINE_FORMULA.sub("0", _CODE.sub("0", rest))
    checks = [
        (r"\{\{|\}\}", "has braces that are no placeholder {{run:key}}"),
        (r"```", "has a fence that is not bash, or not closed"),
        (r"\$", "has a dollar that opens no formula"),
        (r"`", "has code that is not closed"),
        (r"</?[A-Za-z!][^>\n]*>", "holds HTML"),
        (r"!\[", "holds a picture"),
        (r"^#(?!# \S)", "has a heading other than '## '"),
        (r"^\s*\|", "holds a table"),
        (r"^\s*(?:\*|\+|\d+\.) ", "has a list that is not of '- '"),
    ]
    if not blocks:
        checks += [(r"^#|^- |^:::", "has blocks where only paragraphs are shown")]
    for pattern, words in checks:
        found = re.search(pattern, rest, re.MULTILINE)
        if found:
            return f"{words} ({found[0]})" if words == "holds HTML" else words
    if _LINK.sub("", rest).count("](") or any(not url.startswith("https://") for _, url in _LINK.findall(rest)):
        return "has a link that does not start with https://"
    if any(line.count("**") % 2 for line in re.split(r"\n\s*\n|\n- ", rest)):
        return "has bold words that do not end"
    return None


def _in_a_note(text: str) -> bool:
    """True when notes are nested, or one is open at the end."""
    is_open = False
    for line in text.splitlines():
        if line.startswith(":::"):
            if (line == ":::") != is_open or not (is_open or _NOTE.match(line)):
                return True
            is_open = not is_open
    return is_open


def placeholders(text: str) -> list[tuple[str, str]]:
    """The (run, key) pairs that a text names, in order.

    Example:
        >>> placeholders("KL {{vae-faces-b1:kl_nats}} nats")
        [('vae-faces-b1', 'kl_nats')]
    """
    return [(match[1], match[2]) for match in _PLACEHOLDER.finditer(text)]


def fill(text: str, facts: Mapping[str, Mapping[str, Any]]) -> str:
    """The text with its placeholders' values; numbers of four digits or more before the point get separators.

    Args:
        facts: by run, then by key: a number rounded to the digits it deserves, or a few words.

    Raises:
        DataError: a value is not there.

    Example:
        >>> fill("{{a:images}} images", {"a": {"images": 20000}})
        '20,000 images'
    """
    return _PLACEHOLDER.sub(lambda match: _shown(fact(facts, match[1], match[2])), text)


def fact(facts: Mapping[str, Mapping[str, Any]], run: str, key: str) -> Any:
    """One value.

    Raises:
        DataError: it is not there.
    """
    try:
        return facts[run][key]
    except KeyError:
        raise DataError(f"{{{{{run}:{key}}}}}: no recorded run gives this. Record it, or change the text.") from None


def holds(comparison: str, facts: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether a comparison between recorded values, or of one with a number, is true.

    Args:
        comparison: "run:key < run:key", with <, <=, > or >=; either side may be a number.

    Raises:
        DataError: it is not a comparison, or a value is not there or no number.

    Example:
        >>> holds("a:kl_nats < 1", {"a": {"kl_nats": 0.2}})
        True
    """
    match = _COMPARISON.match(comparison)
    if match is None:
        raise DataError(f"{comparison!r}: is not a comparison. Write it like 'run:key < run:key'.")
    left, right = (_number(side, facts, comparison) for side in (match[1], match[3]))
    return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[match[2]]


def _number(side: str, facts: Mapping[str, Mapping[str, Any]], comparison: str) -> float:
    run, colon, key = side.partition(":")
    try:
        return float(fact(facts, run, key) if colon else side)
    except (TypeError, ValueError):
        raise DataError(f"{comparison!r}: {side} is no number. Name a measured one.") from None


def _shown(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{int(value) if float(value).is_integer() else value:,}"


def num_words(text: str) -> int:
    """How many words a reader meets; a formula, a command or a placeholder counts as its visible words.

    Example:
        >>> num_words("Two words, and $z = 1$.")
        4
    """
    bare = _LINK.sub(r"\1", _PLACEHOLDER.sub("0", text)).replace("$$", " ")
    bare = re.sub(r"^(:::note|:::|##|-|```\w*)", " ", _INLINE_FORMULA.sub("x", bare), flags=re.MULTILINE)
    return len(re.findall(r"[^\s*`]+", bare))


def commands(text: str) -> Iterator[list[str]]:
    """The words after `reverie` of every command that a text shows, in code or in a bash block.

    Example:
        >>> list(commands("Type `reverie choose --list`."))
        [['choose', '--list']]
    """
    lines = [line for _, code in _FENCE.findall(text) for line in code.splitlines()]
    lines += _CODE.findall(_FENCE.sub("", text))
    for line in lines:
        words = shlex.split(line, comments=True)
        if len(words) > 1 and words[0] == "reverie":
            yield words[1:]
