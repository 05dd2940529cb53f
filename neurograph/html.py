"""What notebooks show: tables, folded parts and pictures as HTML.

Styles stand inline and only help: a notebook that is not trusted strips them, and the tables must
read well without. There is no script, no id and no colour of text or page, so that dark themes
stay dark; whatever is named by a user is escaped, and kept to its own direction of writing.
"""

from __future__ import annotations

import base64
import html
import re
import struct
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

MOST_ROWS = 30  # of a table; some of its beginning and its end, where it has more
_LAST_ROWS = 5
_LEFT = ' style="text-align:left"'  # notebooks set cells right
_TABLE = ' style="text-align:right;white-space:nowrap" cellpadding="4"'
_SCROLL = ' style="overflow-x:auto"'  # a table wider than the page
_SIDE = 900.0  # pixels of a picture, at most


def text(value: object) -> str:
    """Return a value as escaped text that turns nothing around it.

    >>> text("</b>")
    '<bdi>&lt;/b&gt;</bdi>'
    """
    return f"<bdi>{html.escape(str(value))}</bdi>"


def paragraph(*lines: object) -> str:
    """Return lines as one paragraph.

    >>> paragraph("a", "b")
    '<p><bdi>a</bdi><br><bdi>b</bdi></p>'
    """
    return f"<p>{'<br>'.join(map(text, lines))}</p>"


def table(head: Sequence[object], rows: Sequence[Sequence[object]], *, more: int = 0) -> str:
    """Return a table; columns of numbers are set right, all others left.

    Of more than MOST_ROWS rows, those in the middle are left out; `more` is the number of rows that
    the caller left out.

    >>> table(["name", "size"], [["a", 1]]).count("<td")
    2
    """
    cut = max(0, len(rows) - MOST_ROWS)
    first = list(rows) if not cut else list(rows[: MOST_ROWS - _LAST_ROWS])
    last = list(rows[len(rows) - _LAST_ROWS :]) if cut else []
    left = [not all(_is_number(row[i]) for row in first + last) for i in range(len(head))]
    body = [_row("td", row, left) for row in first]
    if cut + more:
        body.append(f"<tr><td colspan={len(head)}{_LEFT}>&hellip; {cut + more:,} more</td></tr>")
    body += [_row("td", row, left) for row in last]
    columns = f"<thead>{_row('th', head, left)}</thead><tbody>{''.join(body)}</tbody>"
    return f"<div{_SCROLL}><table{_TABLE}>{columns}</table></div>"


def _is_number(cell: object) -> bool:
    return re.fullmatch(r"[-+]?[\d,.]*(e[-+]?\d+)?( %)?|nan|-?inf", str(cell)) is not None


def _row(tag: str, cells: Sequence[object], left: Sequence[bool]) -> str:
    shown = [
        f"<{tag}{_LEFT if to_left else ''}>{cell if isinstance(cell, Markup) else text(cell)}"
        f"</{tag}>"
        for cell, to_left in zip(cells, left, strict=True)
    ]
    return f"<tr>{''.join(shown)}</tr>"


class Markup(str):
    """Text that is HTML already: a picture in a table's cell."""

    __slots__ = ()


def details(summary: object, body: str) -> str:
    """Return a part that is folded until its summary is clicked.

    >>> details("more", "<p>x</p>")
    '<details><summary><bdi>more</bdi></summary><p>x</p></details>'
    """
    return f"<details><summary>{text(summary)}</summary>{body}</details>"


def picture(values: NDArray[np.floating], *, alt: str, zoom: int = 4) -> Markup:
    """Return a picture of values (rows, columns): blue below 0, white, red above; NaN is grey.

    The largest absolute value has the full colour.

    >>> picture(np.zeros((2, 3)), alt="nothing").count("data:image/png")
    1
    """
    height, width = values.shape
    step = max(1, int(np.ceil(max(height, width, 1) / _SIDE)))
    data = base64.b64encode(_png(_colours(values[::step, ::step]))).decode()
    scale = min(zoom, _SIDE / max(width, height, 1))
    return Markup(
        f'<img alt="{html.escape(alt)}" width="{int(width * scale)}" '
        f'height="{int(height * scale)}" style="image-rendering:pixelated" '
        f'src="data:image/png;base64,{data}">'
    )


def tiled(maps: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return maps (n, rows, columns) side by side as one array, NaN between them.

    >>> tiled(np.zeros((4, 2, 2))).shape
    (5, 5)
    """
    count, height, width = maps.shape
    across = int(np.ceil(np.sqrt(count * height / max(width, 1)))) or 1
    down = -(-count // across)
    found = np.full((down * (height + 1) - 1, across * (width + 1) - 1), np.nan)
    for i, one in enumerate(maps):
        row, column = divmod(i, across)
        found[
            row * (height + 1) : row * (height + 1) + height,
            column * (width + 1) : column * (width + 1) + width,
        ] = one
    return found


def _colours(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return (rows, columns, 3) bytes."""
    known = np.isfinite(values)
    most = float(np.abs(values[known]).max(initial=0)) or 1.0
    share = np.where(known, values, 0) / most
    fade = 1 - np.abs(share)[..., None] * (1 - np.where(share[..., None] < 0, _BLUE, _RED))
    return np.where(known[..., None], np.round(255 * fade), 128).astype(np.uint8)


_BLUE, _RED = np.array([0.13, 0.40, 0.67]), np.array([0.70, 0.09, 0.17])


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """Return (rows, columns, 3) bytes as a PNG file."""
    height, width, _ = pixels.shape
    lines = np.zeros((height, 1 + 3 * width), np.uint8)  # each line begins with its filter, none
    lines[:, 1:] = pixels.reshape(height, -1)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = (b"IHDR", header), (b"IDAT", zlib.compress(lines.tobytes(), 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
