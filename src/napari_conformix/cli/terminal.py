"""Small things that several commands show in the terminal."""

import contextlib
from collections.abc import Callable, Iterator

#: exit status, as the shell has for a process that Ctrl-C ended
INTERRUPTED = 130


@contextlib.contextmanager
def progress_bar(words: str) -> Iterator[Callable[[float], None]]:
    """A bar that is moved by calls with the share of the work done, 0 to 1; gone at the end.

    Without a terminal nothing is shown.
    """
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(words, total=1.0)
        yield lambda share: progress.update(task, completed=share)
