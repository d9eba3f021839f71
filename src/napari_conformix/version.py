"""The version of the program, for whoever writes it into a file; nothing is imported here."""

__version__ = "0.1.0"
