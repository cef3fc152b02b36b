"""Renders a template as one self-contained HTML page with style, scripts, charts and their library."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
from pathlib import Path
from typing import Any

import jinja2
import markupsafe

from pipeline.pages import chart_library as page_library
from pipeline.report.units import counted
from schemas.errors import OutputError

_CODE = markupsafe.Markup("<code>{}</code>")
FOLDER = Path(__file__).parent / "templates"


def render_page(template: str, charts: dict[str, list[dict[str, Any]]], **words: Any) -> bytes:
    """The page of a template, in UTF-8, with the charts that have rows. It loads nothing from anywhere.

    All values are escaped, in HTML and in scripts. Equal values give equal bytes. Several charts of one kind
    are named KIND:ANY.
    """
    drawn = {
        name: {"spec": _sized(_spec(name.partition(":")[0]), rows), "rows": rows}
        for name, rows in charts.items()
        if rows
    }
    style, script = _text("page.css"), _text("page.js")
    library = page_library.library()
    text = (
        _environment()
        .get_template(template)
        .render(
            **words,
            policy_of_content=_security_policy(style, [library, script]),
            style=style,
            library=library,
            script=script,
            drawn=drawn,
            charts=script_json(drawn),
        )
    )
    return text.encode()


def write_page(page: bytes, path: Path, option: str) -> None:
    """Writes a page to a new file; OutputError, naming the option, if it exists or cannot be written."""
    try:
        with path.open("xb") as file:
            file.write(page)
    except FileExistsError:
        raise OutputError(f"{path}: exists already; give another {option}") from None
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); give another {option}") from None


def script_json(value: Any) -> str:
    """JSON for a script element; no text in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def count(number: Any) -> str:
    """A count with separators; text such as "<10" unchanged; a dash for a suppressed count."""
    if number is None:
        return "\u2013"
    return (
        number
        if isinstance(number, str)
        else f"{number:,.10g}"
        if isinstance(number, float)
        else f"{number:,}"
    )


def percent(fraction: Any, digits: int = 1) -> str:
    """A fraction in percent; a dash for None."""
    return "\u2013" if fraction is None else f"{fraction * 100:.{digits}f}\u00a0%"


def points(moved: Any) -> str:
    """A difference of two fractions, in percentage points."""
    return "\u2013" if moved is None else f"{moved * 100:+.2f}".replace("-", "\u2212")


def size(number: Any) -> str:
    """Bytes in a fitting unit; a dash for None."""
    if number is None:
        return "\u2013"
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:,.0f}\u00a0{unit}" if unit == "B" else f"{value:,.1f}\u00a0{unit}"
        value /= 1000
    return f"{value:,.1f}\u00a0TB"


def instant(text: str) -> str:
    """An instant in readable form, in UTC."""
    return text.replace("T", "\u00a0", 1).removesuffix("Z") + "\u00a0UTC"


def quoted(text: str) -> markupsafe.Markup:
    """Text as HTML, with parts between backticks as code."""
    parts = enumerate(text.split("`"))
    return markupsafe.Markup("").join(_CODE.format(part) if n % 2 else part for n, part in parts)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "count": count,
        "counted": counted,
        "percent": percent,
        "points": points,
        "size": size,
        "instant": instant,
        "quoted": quoted,
    }
    return environment


@functools.cache
def _text(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


@functools.cache
def _spec(name: str) -> Any:
    return json.loads((FOLDER / "charts" / f"{name}.vl.json").read_bytes())


def _sized(spec: Any, rows: list[dict[str, Any]]) -> Any:
    """The chart with its height set by the number of values on its y axis."""
    height = spec["height"]
    if not isinstance(height, dict):
        return spec
    lines = {row[spec["encoding"]["y"]["field"]] for row in rows}
    return {**spec, "height": height["step"] * len(lines)}


def _security_policy(style: str, scripts: list[str]) -> str:
    """The Content-Security-Policy: this style and these scripts by digest; no network, frames or forms."""
    allowed = " ".join(_digest(script) for script in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_digest(style)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
