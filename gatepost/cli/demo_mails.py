"""The mails of the demo: an invented shop, its invented customers, and what they write."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from gatepost.compose import File, Named

SHOP_DOMAIN = "northwind.example"
SHOP = f"support@{SHOP_DOMAIN}"
SENDER = ("Northwind", SHOP)
ANA = ("Ana Ruiz", "ana.ruiz@calderon.test")


@dataclass(frozen=True, slots=True)
class Letter:
    """A mail before it is composed."""

    sender: Named
    to: Sequence[Named]
    subject: str
    text: str
    html: str | None = None
    cc: Sequence[Named] = ()
    files: Sequence[File] = ()


def shop_letter(
    to: Sequence[Named],
    subject: str,
    paragraphs: Sequence[str],
    *,
    rows: Sequence[tuple[str, str]] = (),
    cc: Sequence[Named] = (),
    files: Sequence[File] = (),
) -> Letter:
    """A mail of the shop as text and in its HTML dress; `rows` are shown as a table."""
    lines = [*paragraphs[:-1], *(f"{name}: {value}" for name, value in rows), paragraphs[-1]]
    return Letter(SENDER, to, subject, "\n\n".join(lines) + "\n", dressed(subject, paragraphs, rows), cc, files)


def dressed(title: str, paragraphs: Sequence[str], rows: Sequence[tuple[str, str]]) -> str:
    """The shop's HTML."""
    cell = "padding:8px 12px;border-bottom:1px solid #e4e7ee"
    table = "".join(
        f'<tr><td style="{cell};color:#667085">{escape(name)}</td>'
        f'<td style="{cell};text-align:right"><b>{escape(value)}</b></td></tr>'
        for name, value in rows
    )
    texts = [f'<p style="margin:0 0 14px">{escape(text).replace(chr(10), "<br>")}</p>' for text in paragraphs]
    framed = f'<table width="100%" cellspacing="0" style="margin:4px 0 18px">{table}</table>' if rows else ""
    return (
        '<!doctype html><html><body style="margin:0;background:#f4f5f8;font-family:Inter,Arial,sans-serif">'
        '<table width="100%" cellpadding="24"><tr><td align="center">'
        '<table width="560" cellpadding="0" cellspacing="0" style="background:#fff;border-radius:10px;text-align:left">'
        '<tr><td style="padding:18px 28px;background:#1f3a5f;border-radius:10px 10px 0 0;color:#fff;'
        'font-weight:600;letter-spacing:.04em">NORTHWIND</td></tr>'
        '<tr><td style="padding:26px 28px 14px;color:#1d2433;font-size:15px;line-height:1.55">'
        f'<h1 style="font-size:19px;margin:0 0 16px">{escape(title)}</h1>{"".join(texts[:-1])}{framed}{texts[-1]}'
        '</td></tr><tr><td style="padding:14px 28px;color:#8a93a6;font-size:12px;border-top:1px solid #e4e7ee">'
        "Northwind Furniture, 12 Quay Street, Portmere</td></tr></table></td></tr></table></body></html>"
    )


def invoice(number: str) -> Letter:
    """Scene 1."""
    rows = [("6 oak tables", "€1,794.00"), ("24 chairs, black", "€1,416.00"), ("VAT 21 %", "€674.10")]
    return shop_letter(
        [ANA],
        f"Invoice {number} for your order",
        ["Dear Ana,", "thank you for your order. The invoice is attached.", "Payment is due within 14 days."],
        rows=[*rows, ("Total", "€3,884.10")],
        cc=[("Accounts", "accounts@calderon.test")],
        files=[(f"INV-{number}.pdf", "application/pdf", paper([f"Invoice {number}", "Total EUR 3,884.10"]))],
    )


def invoice_answer(number: str) -> Letter:
    """Ana answers it from her mail program."""
    said = [
        "Hello,",
        "the invoice charges 21 % VAT, but the tables went to Las Palmas, where 7 % IGIC applies.",
        "Could you send a corrected one before Friday?",
        "Thanks,\nAna",
    ]
    quoted = f"On {number[:2]} November Northwind <{SHOP}> wrote:"
    text = "\n\n".join(said) + f"\n\n{quoted}\n> Dear Ana,\n>\n> thank you for your order. The invoice is attached.\n"
    html = "".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in said)
    html += (
        f'<div class="gmail_quote"><div class="gmail_attr">{escape(quoted)}<br></div>'
        '<blockquote class="gmail_quote"><p>Dear Ana,</p><p>thank you for your order. The invoice is attached.</p>'
        "</blockquote></div>"
    )
    return Letter(ANA, [SENDER], f"Re: Invoice {number} for your order", text, html)


def shipping_notice(number: str) -> Letter:
    """Scene 2."""
    return shop_letter(
        [("Purchasing", "unknown+orders@kestrel.test")],
        f"Pallet {number} has left our warehouse",
        ["Good morning,", "your pallet is on its way and arrives tomorrow between 8 and 12.", "Have a good day."],
        rows=[("Carrier", "Harbour Freight"), ("Boxes", "14"), ("Weight", "412 kg")],
    )


def access(number: str) -> Letter:
    """Scene 3."""
    people = [
        ("Priya Nair", "priya.nair@harbour.test"),
        ("Leo Grant", "gone+leo.grant@harbuor.test"),
        ("Warehouse IT", "spam+it@harbour.test"),
    ]
    return shop_letter(
        people,
        f"Access for your new warehouse team ({number})",
        ["Hi Priya,", "your five new colleagues can log in from Monday on.", "Leo and IT are copied in."],
        rows=[("Role", "Receiving"), ("Site", "Portmere North")],
    )


def delivery_date(number: str) -> Letter:
    """Scene 4."""
    people = [("Hôtel Belrive", "unknown+reception@belrive.test"), ("Comptabilité", "big+comptabilite@belrive.test")]
    return shop_letter(
        people,
        f"Livraison du 24 novembre ({number})",
        ["Bonjour,", "la livraison est confirmée entre 7 h et 9 h, côté cour.", "Bien à vous, Northwind"],
        files=[("plan-d’accès.png", "image/png", picture(200, 120, (198, 84, 60)))],
    )


def address_change(number: str) -> Letter:
    """Scene 5."""
    return shop_letter(
        [("Dana Olsen", "full+dana@olsen.test"), ("Grace Adeyemi", "grace@adeyemi.test")],
        f"Change of delivery address for order {number}",
        ["Hi Dana,", "we changed the address as you asked.", "The delivery date stays the same."],
        rows=[("New address", "Havnegata 12, 7010 Trondheim")],
    )


def collection(number: str) -> Letter:
    """Scene 6."""
    return shop_letter(
        [("Tomasz Wrona", "autoreply+tomasz@wrona.test")],
        f"We collect return {number} on Thursday",
        ["Hello Tomasz,", "our driver comes on Thursday before noon.", "Please keep the boxes closed."],
    )


def order_confirmation(number: str) -> Letter:
    """Scene 7."""
    return shop_letter(
        [("Mill Lane School", "bounce-later+office@milllane.test"), ("Head of site", "site@milllane.test")],
        f"Order {number} is confirmed",
        ["Dear customer,", "we received your order and begin to build it today.", "Thank you."],
        rows=[("30 desks, birch", "€4,170.00"), ("Delivery", "8 December")],
    )


def first_letters(number: str) -> list[Letter]:
    """Scene 8: people who write first."""
    photos = [
        (f"pallet-{at}.png", "image/png", picture(240, 160, colour))
        for at, colour in enumerate([(139, 109, 76), (104, 121, 92), (88, 98, 120)], 1)
    ]
    api = (
        "Hi,\n\nsince this morning our check of your webhook signature fails for about one call in ten. "
        "Is the timestamp in your header in seconds or in milliseconds?\n\nGrace\n"
    )
    pallet = (
        f"Good morning,\n\nwe received order {number} today, and two of fourteen boxes are missing. "
        "Photos are attached. When can you send them?\n\nBest regards\nTomasz Wrona\n"
    )
    quote = (
        "Bonjour,\n\npour notre nouvelle terrasse, nous aimerions recevoir un devis pour 40 tables en chêne "
        "et 160 chaises. Livraison souhaitée début février.\n\nHélène Marchand\nHôtel Belrive\n"
    )
    return [
        Letter(("Grace Adeyemi", "grace@adeyemi.test"), [SENDER], "API: webhook signature check fails", api),
        Letter(
            ("Tomasz Wrona", "t.wrona@wrona.test"),
            [SENDER],
            "Pallet arrived with two boxes missing",
            pallet,
            None,
            (),
            photos,
        ),
        Letter(
            ("Hélène Marchand", "h.marchand@belrive.test"),
            [SENDER],
            f"Devis pour 40 tables ({number})",
            quote,
            "".join(f"<p>{escape(part).replace(chr(10), '<br>')}</p>" for part in quote.split("\n\n")),
        ),
    ]


def paper(lines: Sequence[str]) -> bytes:
    """A PDF of one page with these lines, in ASCII."""
    shown = " T* ".join(f"({line}) Tj" for line in lines)
    drawn = f"BT /F 20 Tf 28 TL 60 760 Td {shown} ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>",
        b"<</Length %d>>stream\n%s\nendstream" % (len(drawn), drawn),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    out, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj%s endobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    end = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(out))
    return out + head + table + end


def picture(width: int, height: int, colour: tuple[int, int, int]) -> bytes:
    """A PNG with a soft gradient of a colour."""
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        for x in range(width):
            light = 60 * (x + y) // (width + height)
            rows += bytes(min(255, part + light) for part in colour)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(rows), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
