"""What happens in any run, one JSON object a line of `events.jsonl`.

Every kind of run has kinds of events of its own next to those below: `training.events`,
`jobs.reconstruction`. The models are the schema and its documentation. Unknown kinds and fields
written by a later version are kept, so that an older window can still follow a newer run.
"""

import time
from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError


class Event(BaseModel):
    """The fields of every event."""

    model_config = ConfigDict(extra="allow", frozen=True)

    time: float = Field(default_factory=time.time, description="seconds since 1970, UTC")
    kind: str


class Warning(Event):
    """Something the user should know; the run goes on."""

    kind: Literal["warning"] = "warning"
    message: str


class Failed(Event):
    """The run ended with an error; `message` is a sentence that the user can act on."""

    kind: Literal["failed"] = "failed"
    message: str
    traceback: str = ""


def to_line(event: Event) -> str:
    """One line of `events.jsonl`, newline included. NaN and infinities become null.

    Parameters
    ----------
    event : Event
        Of any kind.

    Returns
    -------
    str
        JSON.
    """
    return event.model_dump_json() + "\n"


def parser(kinds: Any) -> Callable[[str], Event]:
    """What reads lines of a log.

    Parameters
    ----------
    kinds : type
        The union of the events of a kind of run, discriminated by `kind`.

    Returns
    -------
    callable
        The event of a line; an unknown kind becomes a plain :class:`Event`. pydantic's
        ValidationError for a line that is no event at all.
    """
    adapter: TypeAdapter[Event] = TypeAdapter(kinds)

    def event_of(line: str) -> Event:
        try:
            return adapter.validate_json(line)
        except ValidationError:
            return Event.model_validate_json(line)

    return event_of
