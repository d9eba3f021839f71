"""The cursor of the latent space views: where it is in each of them, and who placed it last.

There is one particle, or one place, that the scene shows; every view that is open has a cross-hair
there. Canvases draw what this says, live decoding follows it, and whatever places the cursor says
so here. No Qt in this file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from psygnal import Signal

#: the view of the opened job, which is always there
FIRST: Final = "first"
#: who places the cursor: the mouse in that view; the other view, whose particle it goes along with
MOUSE: Final = "mouse"
LINK: Final = "link"

XY = tuple[float, float]


@dataclass(frozen=True)
class CursorPlace:
    """Where the cursor is in one view.

    view    name of the view, FIRST or another one
    xy      in the coordinates of that view
    by      who placed it: MOUSE, LINK or a name of its own
    job     folder of the job whose particles the view shows, '' where none is open
    half    half set whose model decodes there, 0 for the only model
    state   what is known of the very state there, None: it is found from the place
    """

    view: str
    xy: XY
    by: str
    job: str = ""
    half: int = 0
    state: Any = None


class LatentCursor:
    """Owns the cursor of a window.

    Whoever acts on behalf of the user calls :meth:`move`; everyone hears of that. Whoever only
    marks what it shows itself calls :meth:`put`: the cross-hair is there, and nothing follows.
    """

    #: a :class:`CursorPlace`: what is there is to be shown
    moved = Signal(object)
    #: name of a view, and (x, y) of its cross-hair; None: it has none
    drawn = Signal(str, object)

    def __init__(self) -> None:
        self._places: dict[str, CursorPlace] = {}
        self._jobs: dict[str, str] = {}
        self._halves: dict[str, int] = {}
        self._lent: set[str] = set()
        #: where it was placed last by anyone but the link between two views
        self.last: CursorPlace | None = None

    def enter(self, view: str, job: str) -> None:
        """A view shows particles of a job from now on.

        Parameters
        ----------
        view
            Name of the view.
        job
            The folder of the job; '' when it was closed.
        """
        if job != self._jobs.get(view, ""):
            self.lift(view)
        self._jobs[view] = job

    def set_half(self, view: str, half: int) -> None:
        """The half set whose model decodes what is at the cursor of a view; 0: the only model."""
        self._halves[view] = half
        if view in self._places:
            self._places[view] = replace(self._places[view], half=half)

    def place(self, view: str) -> CursorPlace | None:
        """Where it is in a view; None where it is nowhere, or lent to a page."""
        return None if view in self._lent else self._places.get(view)

    def xy(self, view: str) -> XY | None:
        """The coordinates of :meth:`place`, (x, y)."""
        place = self.place(view)
        return None if place is None else place.xy

    def move(self, view: str, xy: XY, by: str, state: Any = None) -> None:
        """Place it, and show what is there.

        Parameters
        ----------
        view
            Name of the view.
        xy
            Place in the coordinates of that view.
        by
            Who does so.
        state
            The very state to show, where it is known.
        """
        place = self._placed(view, xy, by, state)
        if by != LINK:
            self.last = place
        if view not in self._lent:
            self._keep(place)
        self.moved.emit(place)

    def put(self, view: str, xy: XY | None, by: str) -> None:
        """Place only the cross-hair of a view; None: where the view does not have the particle."""
        if xy is None:
            self.lift(view)
        else:
            self._keep(self._placed(view, xy, by, None))

    def lift(self, view: str) -> None:
        """It is nowhere in that view any more: the axes are others, or the job is closed."""
        self._places.pop(view, None)
        self.drawn.emit(view, None)

    def lend(self, view: str) -> None:
        """A page uses the mouse of a view for places of its own: moves are passed on to it, while
        the cursor stays where it is, without a cross-hair, until :meth:`give_back`."""
        self._lent.add(view)
        self.drawn.emit(view, None)

    def give_back(self, view: str) -> None:
        """The cross-hair is seen again where it was."""
        self._lent.discard(view)
        self.drawn.emit(view, self.xy(view))

    def _placed(self, view: str, xy: XY, by: str, state: Any) -> CursorPlace:
        place = float(xy[0]), float(xy[1])
        job, half = self._jobs.get(view, ""), self._halves.get(view, 0)
        return CursorPlace(view, place, by, job, half, state)

    def _keep(self, place: CursorPlace) -> None:
        self._places[place.view] = place
        self.drawn.emit(place.view, self.xy(place.view))
