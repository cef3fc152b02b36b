"""The JavaScript library that draws the charts of a page, bundled by the package vl-convert.

Bundling takes more than a second, as much as the rest of a small audit. `make setup` bundles it once into the
environment (`python -m pipeline.pages.chart_library`); otherwise it is bundled when a page is written.
"""

from __future__ import annotations

import functools
import importlib.metadata
import os
import sys
from pathlib import Path


@functools.cache
def library() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script that can be embedded in a page."""
    try:
        return _place().read_text(encoding="utf-8")
    except OSError:
        return _made()


def keep() -> Path:
    """Writes the library into the environment, for this version of vl-convert; raises OSError."""
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

    # The type stub requires a snippet; without one, the whole library is bundled.
    text: str = vl_convert.javascript_bundle()  # type: ignore[call-arg]
    return text.replace("</script", "<\\/script")


if __name__ == "__main__":
    keep()
