"""Commands that make, run and watch: jobs, training, reconstruction, import.

A command loads what it needs when it runs, so this room exports nothing: import its files.
"""
