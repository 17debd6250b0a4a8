"""How numbers look: never more digits than their error supports, thousands apart, a unit where there is one."""

import math
from typing import Any

_INITIALS = {"elbo", "fd", "iwae", "kid", "kl", "nll", "psnr", "ssim"}
_UNITS = {"nats": "nats", "bits": "bits", "db": "dB", "ms": "ms", "seconds": "s", "mib": "MiB"}


def value(number: Any, se: Any = None) -> str:
    """A number with its standard error, in no more digits than the error supports; four digits without an error.

    The error keeps one digit, or two where it starts with a 1.

    Example:
        >>> value(78.23817, 0.3141), value(12345.6), value(0.000012345), value(3.0), value(float("nan"))
        ('78.2 ± 0.3', '12,346', '1.234e-05', '3', 'not finite')
    """
    if number is None or isinstance(number, float) and not math.isfinite(number):
        return "not finite"
    if not isinstance(number, int | float) or isinstance(number, bool):
        return str(number)
    if isinstance(se, int | float) and math.isfinite(se) and se > 0:
        magnitude = math.floor(math.log10(float(f"{se:.1e}")))
        decimals = -magnitude + (float(f"{se:.1e}") < 2 * 10.0**magnitude)
        shown = max(decimals, 0)
        return f"{round(number, decimals):,.{shown}f} ± {round(se, decimals):,.{shown}f}"
    if abs(number) >= 1000 or number == int(number):
        return f"{number:,.0f}"
    return f"{number:.4g}" if abs(number) < 1e-3 else f"{number:.{3 - math.floor(math.log10(abs(number)))}f}"


def duration(seconds: float) -> str:
    """Time as a person says it.

    Example:
        >>> duration(7.2), duration(134), duration(7500)
        ('7 s', '2 min 14 s', '2 h 5 min')
    """
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s" if whole % 60 else f"{whole // 60} min"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def count(number: float) -> str:
    """A large count in few characters.

    Example:
        >>> count(950), count(5_000), count(1_250_000)
        ('950', '5 k', '1.25 M')
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{number / size:.3g} {letter}"
    return f"{number:,.0f}"


def spoken(name: str) -> tuple[str, str]:
    """A number's name in words, and its unit when the name ends in one.

    Example:
        >>> spoken("kl_nats"), spoken("nll_nats_per_image"), spoken("psnr_db"), spoken("active_units")
        (('KL', 'nats'), ('NLL', 'nats per image'), ('PSNR', 'dB'), ('active units', ''))
    """
    stem, per, thing = name.partition("_per_")
    words = stem.split("_")
    unit = _UNITS.get(words[-1].lower()) if len(words) > 1 else None
    kept = name.split("_") if unit is None else words[:-1]
    said = " ".join(word.upper() if word in _INITIALS else word for word in kept)
    return said, unit + (f" per {thing.replace('_', ' ')}" if per else "") if unit else ""
