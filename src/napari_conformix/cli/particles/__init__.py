"""Commands about particles: selecting, grouping, judging, comparing, pictures.

A command loads what it needs when it runs, so this room exports nothing: import its files.
"""
