"""The script that draws a report's charts: made by the package that ships it, kept with the environment.

Making it takes more than a second, as much as the rest of a small audit. Set-up keeps it beside the
packages (`python -m pipeline.pages.chart_library`); where nobody did, it is made anew for each page.
"""

from __future__ import annotations

import functools
import importlib.metadata
import os
import sys
from pathlib import Path


@functools.cache
def library() -> str:
    """Vega, Vega-Lite and Vega-Embed in one script, fit to stand within a page."""
    try:
        return _place().read_text(encoding="utf-8")
    except OSError:
        return _made()


def keep() -> Path:
    """Writes the library into the environment, for this version of its package; raises OSError."""
    place = _place()
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_suffix(f".{os.getpid()}")
    temporary.write_text(_made(), encoding="utf-8")
    temporary.replace(place)
    return place


def _place() -> Path:
    version = importlib.metadata.version("vl-convert-python")
    return Path(sys.prefix) / "share" / "chatsieve" / f"vega-of-vl-convert-{version}.js"


def _made() -> str:
    import vl_convert

    # The stub says that a snippet must be given; without one it is the whole library.
    text: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    return text.replace("</script", "<\\/script")


if __name__ == "__main__":
    keep()
