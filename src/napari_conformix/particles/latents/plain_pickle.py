"""Arrays of numbers out of pickle files, without unpickling.

A pickle is a program: `pickle.load` imports and calls whatever the file names. Here its opcodes are
listed (`pickletools.genops` runs nothing) and those that arrays of numbers consist of are followed
on a stack of plain values; names of functions are never looked up, only compared with the handful
that numpy writes. Anything else is refused. Memory stays within a few times the size of the file:
an array is only made when its bytes are in the file, and values are shared, never expanded.
"""

import io
import pickletools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_conformix.errors import UserError

#: more opcodes than this are no array: an array has some fifty, a list of a million numbers a
#: million and a bit
MOST_OPCODES = 12_000_000
MOST_BYTES = 8 * 2**30

#: what numpy of either generation names in the pickle of an array, and what it means here
KNOWN = {
    ("numpy", "ndarray"): "ndarray",
    ("numpy", "dtype"): "dtype",
    ("_codecs", "encode"): "encode",
    ("builtins", "bytes"): "bytes",
    ("__builtin__", "bytes"): "bytes",
    ("builtins", "bytearray"): "bytes",
    ("__builtin__", "bytearray"): "bytes",
    **{
        (f"numpy.{core}.{module}", name): name
        for core in ("core", "_core")
        for module, name in (
            ("multiarray", "_reconstruct"),
            ("multiarray", "scalar"),
            ("numeric", "_frombuffer"),
        )
    },
}

#: kinds and sizes of numbers that are read: bool, integers, IEEE floats
NUMBERS = frozenset(
    ["b1", *(f"{kind}{size}" for kind in "iu" for size in (1, 2, 4, 8)), "f2", "f4", "f8"]
)

_MARK = object()


class NotPlainError(UserError):
    """The pickle holds something other than arrays of numbers; nothing of it was run."""


class _Refused(Exception):
    """What stands in the way, to follow 'it ' in a sentence."""


@dataclass(frozen=True)
class _Name:
    """A function or class by what it means; it is compared, never called."""

    meaning: str


@dataclass
class _DType:
    """A numpy dtype while its description comes in."""

    code: str
    order: str = "|"

    def make(self) -> np.dtype[Any]:
        if self.code not in NUMBERS:
            kind = "Python objects" if self.code[:1] == "O" else f"values of type {self.code!r}"
            raise _Refused(f"holds {kind} rather than plain numbers")
        return np.dtype(("<" if self.order in "|=" else self.order) + self.code)


@dataclass
class _Array:
    """An array that `_reconstruct` promised and BUILD fills."""

    value: NDArray[Any] | None = None


@dataclass
class _Machine:
    """Stack and memo of one pickle."""

    stack: list[Any] = field(default_factory=list)
    memo: dict[int, Any] = field(default_factory=dict)

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise _Refused("is damaged: a value is missing")
        return self.stack.pop()

    def top(self) -> Any:
        if not self.stack:
            raise _Refused("is damaged: a value is missing")
        return self.stack[-1]

    def pop_to_mark(self) -> list[Any]:
        for at in range(len(self.stack) - 1, -1, -1):
            if self.stack[at] is _MARK:
                items = self.stack[at + 1 :]
                del self.stack[at:]
                return items
        raise _Refused("is damaged: a mark is missing")

    def pop_many(self, count: int) -> tuple[Any, ...]:
        return tuple(self.pop() for _ in range(count))[::-1]

    def recall(self, number: int) -> Any:
        if number not in self.memo:
            raise _Refused("is damaged: it refers to a value that it does not hold")
        return self.memo[number]


def read_pickled(path: Path, most: int = 2) -> list[Any]:
    """The first `most` pickles of a file: arrays, numbers, strings, tuples and lists of them.

    Errors: NotPlainError for anything else, UserError for files that are cut short or no pickles.
    """
    values: list[Any] = []
    try:
        size = path.stat().st_size
        if not 0 < size <= MOST_BYTES:
            raise UserError(f"{path} is empty." if size == 0 else f"{path} is larger than 8 GiB.")
        data = io.BytesIO(path.read_bytes())  # its read never makes more than there is
        while len(values) < most and data.tell() < size:
            values.append(_follow(data))
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror or error}.") from error
    except _Refused as error:
        raise NotPlainError(_refusal(path, str(error))) from error
    except ValueError as error:  # from genops: unknown opcodes, an early end
        raise NotPlainError(_refusal(path, f"is no whole pickle ({error})")) from error
    return values


def _refusal(path: Path, why: str) -> str:
    return (
        f"{path} is not read: it {why}. A pickle can hold a program, so only plain arrays of "
        "numbers are taken from it, and nothing in it was run. If you trust the file, convert it "
        "where it was written, in Python: import pickle, numpy; "
        f"numpy.save('{path.stem}.npy', numpy.asarray(pickle.load(open('{path.name}', 'rb')))); "
        f"then give {path.stem}.npy."
    )


def _follow(data: io.BytesIO) -> Any:
    """The value of the pickle that begins where `data` stands."""
    machine = _Machine()
    for name, argument in _opcodes(data):
        if name == "STOP":
            return _finished(machine.pop())
        action = _ACTIONS.get(name)
        if action is None:
            raise _Refused(f"uses the instruction {name}, which no array of numbers needs")
        action(machine, argument)
    raise _Refused("is cut short")


def _opcodes(data: io.BytesIO) -> Iterator[tuple[str, Any]]:
    for count, (opcode, argument, _) in enumerate(pickletools.genops(data)):
        if count > MOST_OPCODES:
            raise _Refused(f"has more than {MOST_OPCODES:,} instructions")
        yield opcode.name, argument


def _finished(value: Any) -> Any:
    """A value of the file as the caller sees it; one level of lists is looked into."""
    if isinstance(value, _Array):
        if value.value is None:
            raise _Refused("holds an array without values")
        return value.value
    if isinstance(value, list | tuple):
        return type(value)(_finished_item(item) for item in value)
    if isinstance(value, _Name | _DType):
        raise _Refused("holds no array")
    return value


def _finished_item(item: Any) -> Any:
    """A number of a list. Nothing larger: a file may name one large value a million times, which
    costs nothing until somebody makes an array of the list."""
    if not isinstance(item, bool | int | float | np.generic):
        raise _Refused("holds several values rather than one array of numbers")
    return item


# -- what the instructions do ---------------------------------------------------------------------

_Action = Callable[[_Machine, Any], None]


def _push(machine: _Machine, argument: Any) -> None:
    machine.stack.append(argument)


def _tuple(count: int) -> _Action:
    def action(machine: _Machine, _: Any) -> None:
        machine.stack.append(machine.pop_many(count))

    return action


def _constant(value: Any) -> _Action:
    def action(machine: _Machine, _: Any) -> None:
        machine.stack.append(value)

    return action


def _nothing(machine: _Machine, argument: Any) -> None:
    """Instructions about the file rather than the value."""


def _mark(machine: _Machine, _: Any) -> None:
    machine.stack.append(_MARK)


def _tuple_to_mark(machine: _Machine, _: Any) -> None:
    machine.stack.append(tuple(machine.pop_to_mark()))


def _list_to_mark(machine: _Machine, _: Any) -> None:
    machine.stack.append(machine.pop_to_mark())


def _empty_list(machine: _Machine, _: Any) -> None:
    machine.stack.append([])


def _append(machine: _Machine, _: Any) -> None:
    item = machine.pop()
    _list_on_top(machine).append(item)


def _appends(machine: _Machine, _: Any) -> None:
    items = machine.pop_to_mark()
    _list_on_top(machine).extend(items)


def _list_on_top(machine: _Machine) -> list[Any]:
    found = machine.top()
    if not isinstance(found, list):
        raise _Refused("is damaged: it adds to something that is no list")
    return found


def _put(machine: _Machine, number: int) -> None:
    machine.memo[number] = machine.top()


def _memoize(machine: _Machine, _: Any) -> None:
    machine.memo[len(machine.memo)] = machine.top()


def _get(machine: _Machine, number: int) -> None:
    machine.stack.append(machine.recall(number))


def _global(machine: _Machine, argument: str) -> None:
    module, _, name = argument.partition(" ")
    machine.stack.append(_known(module, name))


def _stack_global(machine: _Machine, _: Any) -> None:
    module, name = machine.pop_many(2)
    machine.stack.append(_known(module, name))


def _known(module: Any, name: Any) -> _Name:
    if not isinstance(module, str) or not isinstance(name, str):
        raise _Refused("is damaged: a name is no text")
    if module.split(".")[0] == "torch":
        raise _Refused("holds a torch tensor (use z.numpy() before saving)")
    meaning = KNOWN.get((module, name))
    if meaning is None:
        raise _Refused(f"asks to run {f'{module}.{name}'[:80]}")
    return _Name(meaning)


def _reduce(machine: _Machine, _: Any) -> None:
    arguments, function = machine.pop(), machine.pop()
    if not isinstance(function, _Name) or not isinstance(arguments, tuple):
        raise _Refused("is damaged: it calls something that is no function")
    make = _CALLS.get(function.meaning)
    if make is None:
        raise _Refused(f"calls {function.meaning}, which no array of numbers needs")
    machine.stack.append(make(arguments))


def _build(machine: _Machine, _: Any) -> None:
    state, target = machine.pop(), machine.top()
    if isinstance(target, _DType):
        _describe(target, state)
    elif isinstance(target, _Array):
        _fill(target, state)
    else:
        raise _Refused("sets the state of something that is no array")


def _describe(dtype: _DType, state: Any) -> None:
    """(version, byte order, subarray, names, fields, size, alignment, flags[, metadata])."""
    match state:
        case (int(), str(order), None, None, None, *_) if order in ("<", ">", "|", "="):
            dtype.order = order
        case _:
            raise _Refused("holds a table with named columns rather than one array of numbers")


def _fill(array: _Array, state: Any) -> None:
    """(version, shape, dtype, Fortran order, bytes)."""
    match state:
        case (int(), tuple(shape), _DType() as dtype, bool() | int() as fortran, data):
            array.value = _array_of(data, dtype, shape, "F" if fortran else "C")
        case _:
            raise _Refused("holds an array in a form that numpy does not write")


def _from_buffer(arguments: tuple[Any, ...]) -> _Array:
    match arguments:
        case (data, _DType() as dtype, tuple(shape), ("C" | "F") as order):
            return _Array(_array_of(data, dtype, shape, order))
    raise _Refused("holds an array in a form that numpy does not write")


def _scalar(arguments: tuple[Any, ...]) -> Any:
    match arguments:
        case (_DType() as dtype, data):
            return _array_of(data, dtype, (), "C")[()]
    raise _Refused("holds a number in a form that numpy does not write")


def _array_of(data: Any, dtype: _DType, shape: tuple[Any, ...], order: str) -> NDArray[Any]:
    """The bytes as an array of this shape; both must fit exactly."""
    kind = dtype.make()
    raw = data.encode("latin-1") if isinstance(data, str) else data  # text: from Python 2
    if not isinstance(raw, bytes | bytearray):
        raise _Refused("holds Python objects rather than plain numbers")
    if len(shape) > 3 or not all(isinstance(n, int) and 0 <= n < 2**48 for n in shape):
        raise _Refused(f"holds an array of the shape {str(shape[:6])[:80]}")
    count = 1
    for n in shape:
        count *= n
    if count * kind.itemsize != len(raw):
        raise _Refused(
            f"announces an array of {count:,} numbers but holds {len(raw) // kind.itemsize:,}"
        )
    flat = np.frombuffer(raw, dtype=kind)
    return flat.reshape(shape, order="F" if order == "F" else "C")


def _promised_array(arguments: tuple[Any, ...]) -> _Array:
    match arguments:
        case (_Name("ndarray"), tuple(), bytes() | str()):
            return _Array()
    raise _Refused("holds an array of a class of its own")


def _new_dtype(arguments: tuple[Any, ...]) -> _DType:
    match arguments:
        case (str(code), *_):
            return _DType(code)
    raise _Refused("holds values of a type of its own")


def _encoded(arguments: tuple[Any, ...]) -> bytes:
    """`_codecs.encode(text, 'latin1')`: how protocols 0 to 2 write bytes."""
    match arguments:
        case (str(text), "latin1" | "latin-1"):
            return text.encode("latin-1")
    raise _Refused("holds text where bytes of numbers belong")


def _plain_bytes(arguments: tuple[Any, ...]) -> bytes:
    match arguments:
        case ():
            return b""
        case (bytes() | bytearray() as data,):
            return bytes(data)
    raise _Refused("makes bytes of something else")


_CALLS: dict[str, Callable[[tuple[Any, ...]], Any]] = {
    "_reconstruct": _promised_array,
    "_frombuffer": _from_buffer,
    "scalar": _scalar,
    "dtype": _new_dtype,
    "encode": _encoded,
    "bytes": _plain_bytes,
}

_ACTIONS: dict[str, _Action] = {
    **dict.fromkeys(("PROTO", "FRAME"), _nothing),
    **dict.fromkeys(
        (
            "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
            "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "BINUNICODE8",
            "SHORT_BINUNICODE", "BINBYTES", "BINBYTES8", "SHORT_BINBYTES", "BYTEARRAY8",
        ),
        _push,
    ),
    "NONE": _constant(None),
    "NEWTRUE": _constant(True),
    "NEWFALSE": _constant(False),
    "MARK": _mark,
    "EMPTY_TUPLE": _constant(()),
    "TUPLE1": _tuple(1),
    "TUPLE2": _tuple(2),
    "TUPLE3": _tuple(3),
    "TUPLE": _tuple_to_mark,
    "EMPTY_LIST": _empty_list,
    "LIST": _list_to_mark,
    "APPEND": _append,
    "APPENDS": _appends,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put),
    "MEMOIZE": _memoize,
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "BUILD": _build,
}  # fmt: skip
