"""Whether OpenGL runs on a GPU here or is computed on the CPU."""

from functools import lru_cache

from vispy.app import Canvas
from vispy.gloo import gl
from vispy.gloo.context import get_current_canvas

_SOFTWARE = ("llvmpipe", "softpipe", "swrast", "software", "gdi generic")


@lru_cache(maxsize=1)
def renderer() -> str:
    """GL_RENDERER of the canvas in use; a hidden canvas is made if there is none."""
    canvas = Canvas(show=False) if get_current_canvas() is None else None
    try:
        return str(gl.glGetParameter(gl.GL_RENDERER))
    finally:
        if canvas is not None:
            canvas.close()


def software_rendering() -> bool:
    """True where a frame of a volume costs a second: surfaces are drawn instead, points fewer."""
    return any(name in renderer().lower() for name in _SOFTWARE)
