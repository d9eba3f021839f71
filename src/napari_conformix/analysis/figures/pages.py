"""Pages for people, from the templates next to this file: one HTML file that needs no other."""

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader(__package__),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page(template: str, **values: Any) -> str:
    """Fill in a template.

    Parameters
    ----------
    template : str
        Its file in `templates`.
    **values : object
        What it names. Text is escaped; only the figures, which we draw ourselves, are not.

    Returns
    -------
    str
        HTML.
    """
    return _environment().get_template(template).render(values)
