"""Motion by domains: which points of a model move together as rigid bodies.

The idea is that of DynDom and of multi-body refinement: in every particle each body is the same
body, turned and shifted. Bodies are found by fitting and assigning in turn, as k-means does with
points, but with a rigid motion for each body and particle in place of a mean.

    z_ij = R_i^T (x_ij - t_i)          position of point j in particle i, seen from the body
    cost_j = sum_i |z_ij - mean_i z_ij|^2        how far j is from standing still in that body

The mean of z is the body's own shape, so nothing is asked of the consensus but a beginning: a
constant error of it is not taken for motion.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from napari_conformix.errors import UserError

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

MOST_BODIES = 12
#: an assignment is decided together with so many nearest neighbours
_NEIGHBOURS = 12
#: pieces of a body smaller than this share of all points go to the bodies around them
_SMALLEST_PIECE = 0.02
_RESTARTS = 10
#: restarts whose bodies are refined with all particles, and particles of the restarts
_REFINED = 3
_PARTICLES_OF_A_RESTART = 60
_MOST_ROUNDS = 60
#: a fit whose cost falls by less than this share is done
_SETTLED = 3e-4
_FEWEST_PARTICLES = 3
_FEWEST_POINTS = 2 * _NEIGHBOURS
#: A; less than this is rounding
_NOTHING = 1e-3
#: another body must explain at least this much more of the motion to be worth having
_WORTH = 0.05
#: below this share of the motion, bodies are not what moves
_MOSTLY = 0.5
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True)
class Body:
    """One rigid body and how it moves, over the particles looked at.

    points               how many belong to it
    rotation_degrees     RMS angle about its mean orientation, seen from the largest body
    shift_angstrom       RMS shift of its centre about the mean, seen from the largest body
    residual_angstrom    RMS over its points of what is left when the body has moved rigidly
    """

    points: int
    rotation_degrees: float
    shift_angstrom: float
    residual_angstrom: float


@dataclass(frozen=True)
class Domains:
    """Points grouped by what moves together.

    labels               (p,) which body, from 0; the largest body is 0
    positions            (p, 3) xyz in A that the labels belong to
    bodies               one a label; fewer than asked for when no more could be told apart
    neighbour            for each body the one that it touches most (-1 for a single body)
    motion_angstrom      RMS motion when the molecule moves as one piece: what there is to explain
    residual_angstrom    RMS of what is left with these bodies
    explained            share of the mean square motion explained by 1, 2, ... bodies; the last
                         entry is for one body more than asked for
    particles            how many particles it was found from
    agreement            share of the points that the other half's model puts in the same
                         bodies; None where there is no other half
    caution              why there may be no motion at all to explain, a sentence; None when the
                         motion exceeds its error
    pieces               what the points are, a plural noun
    """

    labels: Labels
    positions: npt.NDArray[np.float32]
    bodies: tuple[Body, ...]
    neighbour: tuple[int, ...]
    motion_angstrom: float
    residual_angstrom: float
    explained: tuple[float, ...]
    particles: int
    agreement: float | None = None
    caution: str | None = None
    pieces: str = "points"

    @property
    def suggested(self) -> int:
        """The smallest number of bodies after which another one explains less than 5 % more."""
        gains = np.diff(self.explained)
        for count, gain in enumerate(gains, start=1):
            if gain < _WORTH:
                return count
        return len(self.explained)

    @property
    def doubtful(self) -> bool:
        """Whether these bodies are not to be taken for domains; the sentence says why."""
        return self.caution is not None or max(self.explained) < _MOSTLY

    def sentence(self) -> str:
        """What was found, with the numbers, and whether it is worth believing."""
        return " ".join(_sentences(self))


def find_domains(
    displacement: npt.ArrayLike,
    positions: npt.ArrayLike,
    bodies: int,
    seed: int = 0,
    progress: Callable[[float], None] | None = None,
    pieces: str = "points",
) -> Domains:
    """Group points into rigid bodies.

    Parameters
    ----------
    displacement: (n, p, 3) A, of n particles; 100 to 500 particles spread over the data.
    positions: (p, 3) xyz in A, in the consensus.
    bodies: how many; 1 says how far the molecule is from moving as one piece.
    seed: of the restarts.
    progress: receives the share of the work done.
    pieces: what the points are, a plural noun for sentences.

    UserError for a number of bodies that makes no sense, or too few particles or points.
    """
    place = np.asarray(positions, np.float64)
    moves = np.asarray(displacement, np.float64)
    _refuse(moves, place, bodies, pieces)
    track = _Tracks(place, moves)
    coarse = track.thinned(_PARTICLES_OF_A_RESTART)
    random = np.random.default_rng(seed)
    found = [_search(track, coarse, 1, random)]
    for count in range(2, bodies + 2):
        found.append(_search(track, coarse, count, random) if _moves(track, found) else found[0])
        if progress is not None:
            progress(count / (bodies + 1))
    return replace(_described(track, found, bodies), pieces=pieces)


def agreement(first: Labels, second: Labels) -> float:
    """Share of the points in the same bodies, whatever the bodies are called."""
    table = np.zeros((first.max() + 1, second.max() + 1))
    np.add.at(table, (first, second), 1)
    rows, columns = linear_sum_assignment(-table)
    return float(table[rows, columns].sum() / len(first))


def with_agreement(domains: Domains, other: Labels) -> Domains:
    """The same domains, compared with the labels that the other half's model gives."""
    return replace(domains, agreement=agreement(domains.labels, other))


def with_caution(domains: Domains, caution: str) -> Domains:
    """The same domains, found in a motion that does not exceed its error."""
    return replace(domains, caution=caution)


# -- finding --------------------------------------------------------------------------------------


class _Tracks:
    """Where every point is in every particle.

    origin  (p, 3) A, in the consensus
    place   (p, 3) A, the same from their mean
    moved   (p, 3 n) A: particle by particle the moved position
    near    (p, p) sparse: rows that average over a point and its neighbours
    """

    def __init__(self, positions: Floats, displacement: Floats) -> None:
        self.origin = positions
        self.place = positions - positions.mean(0)
        count, points, _ = displacement.shape
        moved = self.place[None] + displacement  # (n, p, 3)
        self.moved = np.ascontiguousarray(moved.transpose(1, 0, 2)).reshape(points, 3 * count)
        self.square = np.einsum("pi,pi->p", self.moved, self.moved)
        reach = min(_NEIGHBOURS + 1, points)
        nearest = cKDTree(self.place).query(self.place, k=reach)[1].reshape(-1)
        owner = np.repeat(np.arange(points), reach)
        share = np.full(points * reach, 1.0 / reach)
        self.near = csr_array((share, (owner, nearest)), shape=(points, points))

    @property
    def particles(self) -> int:
        return self.moved.shape[1] // 3

    def thinned(self, particles: int) -> "_Tracks":
        """The same with fewer particles, evenly taken; no copy when there are as few already."""
        if self.particles <= particles:
            return self
        few = object.__new__(_Tracks)
        few.origin, few.place, few.near = self.origin, self.place, self.near
        chosen = np.linspace(0, self.particles - 1, particles).astype(int)
        columns = (3 * chosen[:, None] + np.arange(3)).reshape(-1)
        few.moved = np.ascontiguousarray(self.moved[:, columns])
        few.square = np.einsum("pi,pi->p", few.moved, few.moved)
        return few


@dataclass(frozen=True)
class _Motion:
    """A body in every particle: rotation (n, 3, 3), shift (n, 3), and what all points would be
    as parts of it: shape (p, 3), cost (p,) summed square distance from it in A^2."""

    rotation: Floats
    shift: Floats
    shape: Floats
    cost: Floats


@dataclass(frozen=True)
class _Fit:
    labels: Labels
    motions: list[_Motion]
    cost: float  # summed over points and particles, A^2


def _seen_from_body(track: _Tracks, shape: Floats, members: Labels) -> _Motion:
    """Rigid motion of some points of a given shape (p, 3) in every particle (Kabsch 1976)."""
    count = track.particles
    body, moved = shape[members], track.moved[members]
    centre, centre_moved = body.mean(0), moved.mean(0)
    covariance = (body - centre).T @ (moved - centre_moved)  # (3, 3 n)
    u, _, vt = np.linalg.svd(covariance.reshape(3, count, 3).transpose(1, 0, 2))
    vt[:, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]  # no mirror images
    rotation = vt.transpose(0, 2, 1) @ u.transpose(0, 2, 1)  # (n, 3, 3)
    shift = centre_moved.reshape(count, 3) - rotation @ centre  # (n, 3)
    mean = (track.moved @ rotation.reshape(3 * count, 3)) / count
    mean -= np.einsum("nij,ni->j", rotation, shift) / count  # (p, 3), the mean of z_ij
    total = track.square - 2 * track.moved @ shift.reshape(-1) + np.square(shift).sum()
    cost = np.maximum(total - count * np.square(mean).sum(1), 0)
    return _Motion(rotation, shift, mean, cost)


def _search(track: _Tracks, coarse: _Tracks, count: int, random: np.random.Generator) -> _Fit:
    """The best of several restarts with few particles, refined with all of them."""
    if count == 1:
        return _refine(track, np.zeros(len(track.place), np.int64))
    fits = [_refine(coarse, _seeded(coarse, count, random)) for _ in range(_RESTARTS)]
    fits.sort(key=lambda fit: fit.cost)
    refined = [_refine(track, fit.labels) for fit in fits[:_REFINED]]
    best = min(refined, key=lambda fit: fit.cost)
    return _refine(track, _without_islands(track, best))


def _seeded(track: _Tracks, count: int, random: np.random.Generator) -> Labels:
    """Labels by small patches, each next one where those before explain the motion worst."""
    points = len(track.place)
    patch = max(_NEIGHBOURS, points // (4 * count))
    tree = cKDTree(track.place)
    chance = np.ones(points)
    costs: list[Floats] = []
    for _ in range(count):
        total = chance.sum()
        centre = random.choice(points, p=chance / total) if total > 0 else random.integers(points)
        members = tree.query(track.place[centre], k=min(patch, points))[1]
        costs.append(_seen_from_body(track, track.place, members).cost)
        chance = track.near @ np.min(costs, axis=0)
    return np.asarray(np.argmin(track.near @ np.stack(costs, axis=1), axis=1))


def _refine(track: _Tracks, labels: Labels) -> _Fit:
    """Fit and assign in turn until nothing changes. Bodies that lose all points vanish."""
    labels = _renumbered(labels)
    shapes = [track.place] * (labels.max() + 1)
    before = np.inf
    for _ in range(_MOST_ROUNDS):
        fit = _fit(track, labels, shapes)
        shared = track.near @ np.stack([motion.cost for motion in fit.motions], axis=1)  # (p, k)
        large = np.bincount(np.argmin(shared, axis=1), minlength=len(shapes)) > _NEIGHBOURS // 2
        assigned = np.argmin(np.where(large, shared, np.inf), axis=1)
        if before - fit.cost <= _SETTLED * before:
            break
        before = fit.cost
        present = np.unique(assigned)
        shapes = [fit.motions[k].shape for k in present]
        labels = np.searchsorted(present, assigned)
    return fit


def _fit(track: _Tracks, labels: Labels, shapes: Sequence[Floats]) -> _Fit:
    motions = [
        _seen_from_body(track, shape, np.flatnonzero(labels == body))
        for body, shape in enumerate(shapes)
    ]
    cost = sum(float(motion.cost[labels == body].sum()) for body, motion in enumerate(motions))
    return _Fit(labels, motions, cost)


def _without_islands(track: _Tracks, fit: _Fit) -> Labels:
    """Give small pieces that lie apart from their body to the best of the bodies around them."""
    labels = fit.labels.copy()
    costs = track.near @ np.stack([motion.cost for motion in fit.motions], axis=1)
    edges = track.near.tocoo()
    same = labels[edges.row] == labels[edges.col]
    inside = csr_array(
        (np.ones(same.sum()), (edges.row[same], edges.col[same])), shape=track.near.shape
    )
    pieces = connected_components(inside, directed=False)[1]
    sizes = np.bincount(pieces)
    for piece in np.flatnonzero(sizes < _SMALLEST_PIECE * len(labels)):
        members = pieces == piece
        touching = (members[edges.row] | members[edges.col]) & ~same
        around = np.unique(fit.labels[[*edges.row[touching], *edges.col[touching]]])
        around = around[around != fit.labels[members][0]]
        if len(around):
            labels[members] = around[np.argmin(costs[members].sum(0)[around])]
    return labels


def _renumbered(labels: Labels) -> Labels:
    """The same grouping with numbers from 0, none left out, the largest body first."""
    _, labels = np.unique(labels, return_inverse=True)
    order = np.argsort(-np.bincount(labels), kind="stable")
    return np.asarray(np.argsort(order)[labels])


# -- describing -----------------------------------------------------------------------------------


def _described(track: _Tracks, fits: list[_Fit], bodies: int) -> Domains:
    """What the fits with 1, 2, ... bodies say; the chosen one is that of `bodies`."""
    chosen = _by_size(fits[bodies - 1])
    values = track.particles * len(track.place)
    whole = fits[0].cost
    # a search that missed is never worse than one body fewer
    left = np.minimum.accumulate([fit.cost for fit in fits])
    explained = 1 - left / whole if _moves(track, fits) else np.zeros(len(fits))
    return Domains(
        labels=chosen.labels,
        positions=track.origin.astype(np.float32),
        bodies=tuple(_body(track, chosen, body) for body in range(len(chosen.motions))),
        neighbour=_neighbours(track, chosen.labels),
        motion_angstrom=float(np.sqrt(whole / values)),
        residual_angstrom=float(np.sqrt(chosen.cost / values)),
        explained=tuple(float(share) for share in explained),
        particles=track.particles,
    )


def _moves(track: _Tracks, fits: Sequence[_Fit]) -> bool:
    """Whether there is more than rounding when the molecule has moved as one piece."""
    return fits[0].cost > track.particles * len(track.place) * _NOTHING**2


def _by_size(fit: _Fit) -> _Fit:
    """The same fit with its bodies from the largest to the smallest."""
    order = np.argsort(-np.bincount(fit.labels), kind="stable")
    return _Fit(np.argsort(order)[fit.labels], [fit.motions[k] for k in order], fit.cost)


def _body(track: _Tracks, fit: _Fit, body: int) -> Body:
    """How a body moves, seen from the largest one (number 0)."""
    motion, largest = fit.motions[body], fit.motions[0]
    members = fit.labels == body
    residual = np.sqrt(motion.cost[members].mean() / track.particles)
    back = largest.rotation.transpose(0, 2, 1)  # (n, 3, 3)
    turned = Rotation.from_matrix(back @ motion.rotation)
    angles = np.degrees((turned.mean().inv() * turned).magnitude())
    centre = motion.rotation @ motion.shape[members].mean(0) + motion.shift  # (n, 3)
    seen = np.einsum("nij,nj->ni", back, centre - largest.shift)
    shifts = np.square(seen - seen.mean(0)).sum(1)
    return Body(
        points=int(members.sum()),
        rotation_degrees=float(np.sqrt(np.square(angles).mean())) if body else 0.0,
        shift_angstrom=float(np.sqrt(shifts.mean())) if body else 0.0,
        residual_angstrom=float(residual),
    )


def _neighbours(track: _Tracks, labels: Labels) -> tuple[int, ...]:
    """For each body the one with which it shares most neighbours; the largest when none."""
    count = int(labels.max()) + 1
    edges = track.near.tocoo()
    contacts = np.zeros((count, count))
    np.add.at(contacts, (labels[edges.row], labels[edges.col]), 1)
    contacts += contacts.T
    np.fill_diagonal(contacts, -1)
    return tuple(int(k) for k in contacts.argmax(1)) if count > 1 else (-1,)


def _sentences(found: Domains) -> list[str]:
    count, shares = len(found.bodies), found.explained
    asked = len(shares) - 1
    motion, left = found.motion_angstrom, found.residual_angstrom
    whole = f"Moved as one piece, the molecule leaves {motion:.2g} A RMS of motion unexplained"
    if motion < _NOTHING:
        return ["Nothing moves: all particles have the same positions up to one rigid motion."]
    said = []
    if asked == 1:
        said.append(f"{whole}; two bodies explain {_share(shares[1])} of it.")
    elif count < asked:
        said.append(
            f"{whole}. Only {_in_words(count)} of {asked} bodies could be told apart; "
            f"{_share(shares[asked - 1])} of it is explained."
        )
    else:
        more = shares[asked] - shares[asked - 1]
        said.append(
            f"{whole}; {_in_words(count)} bodies explain {_share(shares[asked - 1])} of it "
            f"and leave {left:.2g} A. One more body explains {_share(more)} more."
        )
    if found.suggested < count:
        said.append(
            f"{_in_words(found.suggested).capitalize()} would do: what further bodies add is "
            f"below {_WORTH:.0%} each."
        )
    if max(shares) < _MOSTLY:
        said.append(
            "Most of the motion is not that of rigid bodies (a smooth bending, or noise): do not "
            "take these bodies for domains."
        )
    if found.agreement is not None and asked > 1:
        said.append(
            "The other half's model, trained on other particles, puts "
            f"{_share(found.agreement)} of the {found.pieces} in the same bodies."
        )
    if found.caution is not None:
        # a flexible part is shaken as one piece by noise, too, and in both halves alike
        said.append(f"Yet do not take these bodies for domains. {found.caution}")
    return said


def _in_words(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def _share(value: float) -> str:
    """A percentage; with a decimal where 100 % or 0 % would say too much."""
    return f"{value:.1%}" if 0.0005 < value < 0.01 or 0.99 < value < 0.9995 else f"{value:.0%}"


def _refuse(displacement: Floats, positions: Floats, bodies: int, pieces: str) -> None:
    points = len(positions)
    if positions.shape != (points, 3) or displacement.shape[1:] != (points, 3):
        raise ValueError(
            f"displacement must be (n, p, 3) and positions (p, 3), not {displacement.shape} and "
            f"{positions.shape}"
        )
    if not (np.isfinite(displacement).all() and np.isfinite(positions).all()):
        raise UserError("Some displacements are not finite numbers; train the job again.")
    if not 1 <= bodies <= MOST_BODIES:
        raise UserError(f"The number of bodies must be 1 to {MOST_BODIES}, not {bodies}.")
    if len(displacement) < _FEWEST_PARTICLES:
        raise UserError(
            f"{len(displacement)} particles are too few to see what moves together; at least "
            f"{_FEWEST_PARTICLES} are needed."
        )
    if points < _FEWEST_POINTS * (bodies + 1):
        raise UserError(
            f"{points} {pieces} are too few for {bodies} bodies; at least "
            f"{_FEWEST_POINTS * (bodies + 1)} are needed."
        )
