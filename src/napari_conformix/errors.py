"""Errors that are sentences for the person at the screen."""


class UserError(Exception):
    """Something the user can fix. The message says what is wrong, where, and what to do.

    The command line prints the message alone (no traceback) and exits with status 1; the window
    shows it in a dialogue; the trainer writes it as a ``failed`` event.
    """


class NotSupportedError(UserError):
    """The chosen method cannot do what was asked (for example displacements of a voxel method)."""
