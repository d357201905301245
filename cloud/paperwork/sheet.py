"""Sheet: notices as a PDF, one A4 page for each language, to print and put on the door.

1. A notice fits on its page: its letters are as large as they may be, between LARGEST and SMALLEST points, and one
   that would need smaller ones is refused.
2. Latin letters are Helvetica, Chinese ones STSong-Light. Readers and printers know both by name, so neither lies in
   the file; a reader without a Chinese font needs one, or the HTML.
"""

import re
from collections.abc import Iterator, Sequence
from io import BytesIO
from itertools import groupby
from typing import Any
from xml.sax.saxutils import escape

from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]
from reportlab.lib.units import mm  # type: ignore[import-untyped]
from reportlab.pdfbase import pdfmetrics  # type: ignore[import-untyped]
from reportlab.pdfbase.cidfonts import UnicodeCIDFont  # type: ignore[import-untyped]
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]
from reportlab.platypus import Paragraph  # type: ignore[import-untyped]

from cloud.paperwork import qr
from cloud.paperwork.facts import PaperworkError
from cloud.paperwork.notice import Language, Notice

LARGEST, SMALLEST = 13.0, 8.0
_MARGIN, _FOOT, _CODE = 16 * mm, 6 * mm, 34 * mm
_WIDTH = A4[0] - 2 * _MARGIN
_LATIN, _BOLD, _CHINESE = "Helvetica", "Helvetica-Bold", "STSong-Light"


def pdf(notices: Sequence[Notice]) -> bytes:
    """The notices as one PDF. Raises PaperworkError where one is too long, or has letters that no font here has."""
    pdfmetrics.registerFont(UnicodeCIDFont(_CHINESE))
    into = BytesIO()
    canvas = Canvas(into, pagesize=A4, invariant=1, lang=notices[0].language)
    canvas.setTitle(notices[0].title)
    for notice in notices:
        _draw(canvas, notice, size_of(notice))
        canvas.showPage()
    canvas.save()
    return into.getvalue()


def size_of(notice: Notice) -> float:
    """The size of its letters, in points. Raises PaperworkError where no size lets it fit."""
    pdfmetrics.registerFont(UnicodeCIDFont(_CHINESE))
    room = A4[1] - 2 * _MARGIN - _FOOT - _CODE
    size = LARGEST
    while size >= SMALLEST:
        if sum(height for _, height in _column(notice, size)) <= room:
            return size
        size -= 0.25
    raise PaperworkError(
        f"The notice ({notice.language}) does not fit on one page: shorten the name, address, contact, authority or "
        "opt_out_point under `controller`."
    )


def _draw(canvas: Any, notice: Notice, size: float) -> None:
    _phone(canvas, A4[0] - _MARGIN - 13 * mm, A4[1] - _MARGIN - 21 * mm)
    y = A4[1] - _MARGIN
    for block, height in _column(notice, size):
        y -= height
        block.drawOn(canvas, _MARGIN, y)
    _code(canvas, notice.url, A4[0] - _MARGIN - _CODE, _MARGIN + _FOOT)
    y = _MARGIN + _FOOT + 0.8 * _CODE
    for text, bold in ((notice.more, True), (notice.url, False)):
        block, height = _measured(_block(text, notice, 1.1 * size, bold=bold), _WIDTH - _CODE - 6 * mm)
        y -= height
        block.drawOn(canvas, _MARGIN, y)
    foot = _block(notice.foot, notice, 8)
    foot.wrap(_WIDTH, _FOOT)
    foot.drawOn(canvas, _MARGIN, _MARGIN)


def _column(notice: Notice, size: float) -> Iterator[tuple[Any, float]]:
    """The blocks above the code, from the top, each with the height it takes."""
    yield _measured(_block(notice.title, notice, 2.4 * size, bold=True, after=0.5 * size), _WIDTH - 18 * mm)
    yield _measured(_block(notice.lead, notice, 1.3 * size, after=0.6 * size), _WIDTH - 18 * mm)
    heading = (1.25 if notice.language == Language.CHINESE else 1.1) * size  # the Chinese font has no bold
    for section in notice.sections:
        yield _measured(_block(section.heading, notice, heading, bold=True, before=0.8 * size), _WIDTH)
        for paragraph in section.paragraphs:
            yield _measured(_block(paragraph, notice, size, after=0.25 * size), _WIDTH)


def _measured(block: Any, width: float) -> tuple[Any, float]:
    _, height = block.wrap(width, A4[1])
    return block, height + block.getSpaceBefore() + block.getSpaceAfter()


def _block(
    text: str, notice: Notice, size: float, *, bold: bool = False, before: float = 0.0, after: float = 0.0
) -> Any:
    style = ParagraphStyle(
        "block",
        fontName=_BOLD if bold else _LATIN,
        fontSize=size,
        leading=1.28 * size,
        spaceBefore=before,
        spaceAfter=after,
        wordWrap="CJK" if notice.language == Language.CHINESE else None,
    )
    return Paragraph(_marked(text), style)


def _marked(text: str) -> str:
    """The text as reportlab's markup, with the Chinese font for what Helvetica has not. Raises PaperworkError."""
    marked = []
    for latin, run in groupby(text, _is_latin):
        letters = "".join(run)
        if not latin and (strange := re.sub(r"[\u3000-\u303f\uff00-\uffef]", "", letters)):
            _check_known(strange)
        marked.append(escape(letters) if latin else f'<font name="{_CHINESE}">{escape(letters)}</font>')
    return "".join(marked)


def _is_latin(letter: str) -> bool:
    return _encodes(letter, "cp1252")


def _check_known(letters: str) -> None:
    for letter in letters:
        if not _encodes(letter, "gbk"):
            raise PaperworkError(f'The PDF has no letter "{letter}": write it otherwise, or print the HTML.')


def _encodes(letter: str, encoding: str) -> bool:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _code(canvas: Any, url: str, x: float, y: float) -> None:
    bars, side = qr.bars(url)
    module = _CODE / side
    for bar in bars:
        canvas.rect(x + bar.x * module, y + _CODE - (bar.y + 1) * module, bar.width * module, module, 0, 1)


def _phone(canvas: Any, x: float, y: float) -> None:
    """A phone that sends, 13 by 21 mm: it says what is counted in every language."""
    canvas.saveState()
    canvas.setLineWidth(1.6)
    canvas.setLineCap(1)
    canvas.roundRect(x, y, 7 * mm, 13 * mm, 1.2 * mm)
    canvas.circle(x + 3.5 * mm, y + 1.7 * mm, 0.5 * mm, 1, 1)
    for radius in (3, 5.5, 8):
        reach = radius * mm
        canvas.arc(x + 7 * mm - reach, y + 13 * mm - reach, x + 7 * mm + reach, y + 13 * mm + reach, 5, 80)
    canvas.restoreState()
