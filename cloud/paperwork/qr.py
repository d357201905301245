"""QR: a web address in dark and light squares (ISO/IEC 18004). reportlab knows how; sheet and page each draw them."""

from itertools import groupby
from typing import NamedTuple

from reportlab.graphics.barcode.qrencoder import QRCode, QRErrorCorrectLevel  # type: ignore[import-untyped]

QUIET = 4  # modules of light around it (clause 9.1)


class Bar(NamedTuple):
    """Dark modules beside each other: `width` of them from column `x` on, in row `y` from the top."""

    x: int
    y: int
    width: int


def bars(text: str) -> tuple[list[Bar], int]:
    """The dark bars of the code for `text`, and how many modules its side has, the quiet zone among them."""
    code = QRCode(None, QRErrorCorrectLevel.M)  # a door is scratched and wet: 15 % of it may be unreadable
    code.addData(text)
    code.make()
    side = code.getModuleCount()
    found = []
    for row in range(side):
        column = 0
        for dark, run in groupby(bool(code.isDark(row, one)) for one in range(side)):
            width = len(list(run))
            if dark:
                found.append(Bar(column + QUIET, row + QUIET, width))
            column += width
    return found, side + 2 * QUIET
