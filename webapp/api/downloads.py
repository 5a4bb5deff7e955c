"""Sending files in pieces, whichever server asks for them."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from django.core.handlers.asgi import ASGIRequest
from django.http import FileResponse, HttpRequest, StreamingHttpResponse
from django.utils.http import content_disposition_header

PIECE_BYTES = 1 << 18

_HEADERS = {"Content-Type": "application/octet-stream", "X-Content-Type-Options": "nosniff"}


def download(request: HttpRequest, path: Path, name: str) -> StreamingHttpResponse:
    """The file as an attachment of that name; no browser shows it as a page.

    Under ASGI Django reads a synchronous response whole into memory before it sends it, hence the two ways.
    """
    if not isinstance(request, ASGIRequest):
        return FileResponse(path.open("rb"), as_attachment=True, filename=name, headers=_HEADERS)
    disposition = content_disposition_header(as_attachment=True, filename=name) or "attachment"
    size = {"Content-Length": str(path.stat().st_size), "Content-Disposition": disposition}
    return StreamingHttpResponse(_pieces(path), headers={**_HEADERS, **size})


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(path.open, "rb")
    try:
        while piece := await asyncio.to_thread(file.read, PIECE_BYTES):
            yield piece
    finally:
        file.close()
