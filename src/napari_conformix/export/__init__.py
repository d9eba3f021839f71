"""Subsets of particles, deformations, movies and maps for other programs.

Nothing is imported here, so that the tables of what can be written (:mod:`.formats`) and the words
of a movie (:mod:`.movie_words`) are there for the command line without numpy or pydantic.
"""
