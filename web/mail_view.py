"""The parts of a mail as answers of their own: the HTML body in its sandbox, attachments, and the source."""

import re
from contextlib import AbstractContextManager
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, Response, StreamingResponse

from gatepost.blobs import IN_ROW, Blobs
from gatepost.child import JobFailed
from gatepost.gateway.budget import for_reading
from gatepost.gateway.confirm import without_link
from gatepost.gateway.results import with_results
from gatepost.mail import Mail, part_content
from gatepost.model import Message
from gatepost.store.messages import RawLost, raw_of
from gatepost.threading.reading import parse_safely
from gatepost.web.bodies import PURGED, UNREAD, html_page, image_type
from gatepost.web.guard import MAIL_POLICY
from gatepost.web.route import Visit

UNSAFE = re.compile(r"[^A-Za-z0-9._ -]")


def raw_mail(visit: Visit, message: Message) -> bytes:
    """A mail's octets as pages show them. Raises HTTPException 404 when storage has lost them."""
    try:
        return without_link(visit.app.settings, message, raw_of(visit.session, message.raw_id, visit.app.blobs))
    except RawLost:
        told = PURGED if message.purged_at else "The content of this mail cannot be read from storage."
        raise HTTPException(404, told) from None


def read_mail(raw: bytes) -> Mail:
    """A mail read in a limited child, unless it is small. Raises HTTPException 503 where that fails."""
    try:
        return parse_safely(raw)
    except JobFailed as failed:
        raise HTTPException(503, UNREAD.format(why=failed)) from None


def reading(visit: Visit) -> AbstractContextManager[None]:
    """Memory to read this page's mail in; pages of large mails wait for each other."""
    return visit.app.gate.budget.hold(for_reading(visit.message.size))


def body(visit: Visit) -> Response:
    """The HTML body for the sandboxed frame, under a policy of its own."""
    with reading(visit):
        page = html_page(read_mail(raw_mail(visit, visit.message)), f"/m/{visit.message.id}/parts")
    return HTMLResponse(page, headers={"Content-Security-Policy": MAIL_POLICY, "Cache-Control": "private, max-age=300"})


def attachment(visit: Visit) -> Response:
    """One attachment, always as a download."""
    with reading(visit):
        found = part_content(read_mail(raw_mail(visit, visit.message)), int(visit.path("part")))
        if found is None:
            raise HTTPException(404, "This mail has no such attachment.")
        file, content = found
        return download(content, file.name or "attachment", blobs=visit.app.blobs)


def image(visit: Visit) -> Response:
    """An image of the mail for its HTML body: of four types only, known by its octets, and never as a page."""
    with reading(visit):
        found = part_content(read_mail(raw_mail(visit, visit.message)), int(visit.path("part")))
    media_type = image_type(found[1]) if found else None
    if found is None or media_type is None:
        raise HTTPException(404, "This mail has no such image.")
    headers = {
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, max-age=300",
    }
    return Response(found[1], media_type=media_type, headers=headers)


def source(visit: Visit) -> Response:
    """The mail as it is stored; one that came in with our verdict on top, and without forged ones."""
    with reading(visit):
        content = told(visit, visit.message, raw_mail(visit, visit.message))
        return download(content, f"{visit.message.id}.eml", blobs=visit.app.blobs)


def told(visit: Visit, message: Message, raw: bytes) -> bytes:
    """A mail as others see it: what we found about its sender stands on top (RFC 8601 section 5)."""
    if message.direction != "in":
        return raw
    return with_results(raw, message.auth.get("results", ""), visit.app.settings.host)


def download(content: bytes, name: str, blobs: Blobs | None = None) -> Response:
    """Octets to be saved, never shown: no type guessed, and no name that leads anywhere (RFC 6266).

    Many go by way of a file: the reader may be slow, and would keep them all in memory.
    """
    plain = UNSAFE.sub("_", name).strip(". ")[:100] or "attachment"
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name[:150], safe='')}"
    headers = {
        "Content-Disposition": disposition,
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    if blobs is None or len(content) <= IN_ROW:
        return Response(content, media_type="application/octet-stream", headers=headers)
    headers["Content-Length"] = str(len(content))
    return StreamingResponse(blobs.passing(content), media_type="application/octet-stream", headers=headers)
