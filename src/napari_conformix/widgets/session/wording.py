"""Sentences of the core as the window writes them."""

from __future__ import annotations

import re


def with_units(text: str) -> str:
    """The sign of the Angstrom, where the core's plain text has the letter A after a number."""
    return re.sub(r"(?<=\d) A\b", " Å", text)


def unbroken(text: str) -> str:
    """No line ends between a number and its %."""
    return text.replace(" %", "\N{NO-BREAK SPACE}%")
