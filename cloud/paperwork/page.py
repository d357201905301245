"""Page: notices as HTML, to read, to send and to print; each language is an article that prints on one A4 page."""

from collections.abc import Sequence

from cloud.paperwork import qr, sheet
from cloud.paperwork.forms import filled
from cloud.paperwork.notice import Notice

_WIDER = 0.95  # a browser's Helvetica may be a little wider than the printer's


def html(notices: Sequence[Notice]) -> str:
    """The notices as one document, in the size of letters that the sheet has. Raises PaperworkError."""
    sizes = [round(_WIDER * sheet.size_of(one), 2) for one in notices]
    return filled("notice.html", notices=list(zip(notices, sizes, strict=True)), code=_code)


def _code(url: str) -> tuple[str, int]:
    """The code as the path of an SVG, and the side of its square."""
    bars, side = qr.bars(url)
    return "".join(f"M{bar.x} {bar.y}h{bar.width}v1h-{bar.width}z" for bar in bars), side
