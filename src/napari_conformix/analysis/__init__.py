"""Looking at what was learnt, a room a subject: spaces, selections, clusters, paths and the rest.

numpy, scipy and psygnal; torch only where a method is asked. Names are imported from the rooms.
"""
