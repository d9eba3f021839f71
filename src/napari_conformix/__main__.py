"""`python -m napari_conformix` is the `conformix` command."""

from napari_conformix.cli import main

if __name__ == "__main__":
    main()
