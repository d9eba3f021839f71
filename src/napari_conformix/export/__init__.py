"""Files for other programs: subsets, arrows, masks of bodies, series of maps, movies.

Nothing is imported here, so that the tables of what can be written (:mod:`.formats`) and the words
of a movie (:mod:`.movie_words`) are there for the command line without numpy or pydantic: import
its modules. Nothing here knows a job or a window; what is written is whole or not there.
"""
