"""Everything that knows napari or Qt: a room a page, and the rooms that pages share."""
