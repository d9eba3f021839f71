"""Commands about the states of a molecule: decoding, paths, movies, landscapes, UMAP, embedding.

A command loads what it needs when it runs, so this room exports nothing: import its files.
"""
