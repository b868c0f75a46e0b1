"""What the person wrote; every mail here is written for this test."""

from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.mail import parse
from gatepost.threading.quoted import Quoted, reply_text
from gatepost.threading.quoted_text import cut_text


def read(text: str, *, html: bool = False, parent: str | None = None) -> Quoted:
    message = EmailMessage()
    message["From"] = "ana@shop.example"
    message.set_content(text, subtype="html" if html else "plain", cte="base64")
    return reply_text(parse(message.as_bytes()), parent)


ATTRIBUTIONS = [
    "On Tue, 5 Mar 2024 at 10:12, Desk <desk@shop.example> wrote:",
    "Am 05.03.2024 um 10:12 schrieb Desk <desk@shop.example>:",
    "Le mar. 5 mars 2024 à 10:12, Desk <desk@shop.example> a écrit :",
    "El mar, 5 mar 2024 a las 10:12, Desk (<desk@shop.example>) escribió:",
    "Il giorno mar 5 mar 2024 alle ore 10:12 Desk <desk@shop.example> ha scritto:",
    "Em ter., 5 de mar. de 2024 às 10:12, Desk <desk@shop.example> escreveu:",
    "Op di 5 mrt 2024 om 10:12 schreef Desk <desk@shop.example>:",
    "Den tis 5 mars 2024 kl 10:12 skrev Desk <desk@shop.example>:",
    "tir. 5. mar. 2024 kl. 10:12 skrev Desk <desk@shop.example>:",
    "ti 5. maalisk. 2024 klo 10.12 Desk (desk@shop.example) kirjoitti:",
    "wt., 5 mar 2024 o 10:12 Desk <desk@shop.example> napisał(a):",
    "út 5. 3. 2024 v 10:12 odesílatel Desk <desk@shop.example> napsal:",
    "ut 5. 3. 2024 o 10:12 Desk <desk@shop.example> napísal(a):",
    "Desk <desk@shop.example> ezt írta (időpont: 2024. márc. 5., K, 10:12):",
    "În mar., 5 mar. 2024 la 10:12, Desk <desk@shop.example> a scris:",
    "вт, 5 мар. 2024 г. в 10:12, Desk <desk@shop.example>:",
    "вт, 5 бер. 2024 р. о 10:12 Desk <desk@shop.example> пише:",
    "Desk <desk@shop.example>, 5 Mar 2024 Sal, 10:12 tarihinde şunu yazdı:",
    "Στις Τρί 5 Μαρ 2024 στις 10:12 π.μ., ο χρήστης Desk <desk@shop.example> έγραψε:",
    "uto, 5. ožu 2024. u 10:12 Desk <desk@shop.example> napisao je:",
    "Vào 10:12 5 tháng 3, 2024, Desk <desk@shop.example> đã viết:",
    "Desk <desk@shop.example> 于2024年3月5日周二 10:12写道：",
    "2024年3月5日(火) 10:12 Desk <desk@shop.example>:",
    "2024년 3월 5일 (화) 오전 10:12, Desk <desk@shop.example>님이 작성:",
    "‫בתאריך יום ג׳, 5 במרץ 2024 ב-10:12 מאת ‪Desk‬‏ <‪desk@shop.example‬‏>:‬",
    "في الثلاثاء، 5 مارس 2024 في 10:12 ص تمت كتابة ما يلي بواسطة Desk <desk@shop.example>:",
    "Pada Sel, 5 Mar 2024 pukul 10:12 Desk <desk@shop.example> menulis:",
    "2024-03-05, 10:12, “Desk” <desk@shop.example>:",
    "On Tuesday, March 5, 2024, a person with a rather long name <\ndesk@shop.example> wrote:",
]


@pytest.mark.parametrize("line", ATTRIBUTIONS)
@pytest.mark.parametrize("mark", ["> ", ""])
def test_attribution_lines_in_many_languages(line: str, mark: str) -> None:
    found = read(f"Yes, please.\n\nAna\n\n{line}\n\n{mark}Shall we send it?\n{mark}Desk\n")
    assert found.reply == "Yes, please.\n\nAna"
    assert "Shall we send it?" in found.quoted
    assert found.why


BLOCKS = [
    "From: Desk <desk@shop.example>\nSent: Tuesday, March 5, 2024 10:12 AM\nTo: Ana\nSubject: Order",
    "Von: Desk <desk@shop.example>\nGesendet: Dienstag, 5. März 2024 10:12\nAn: Ana\nBetreff: Order",
    "De : Desk <desk@shop.example>\nEnvoyé : mardi 5 mars 2024 10:12\nÀ : Ana\nObjet : Order",
    "________________________________\n发件人: Desk <desk@shop.example>\n发送时间: 2024年3月5日\n收件人: Ana",
    "*Od:* Desk <desk@shop.example>\n*Wysłano:* 5 marca 2024\n*Do:* Ana\n*Temat:* Order",
    "-----Original Message-----\nDesk asked:",
    "-------- Ursprüngliche Nachricht --------\nDesk fragte:",
    "---- Desk wrote ----",
]


@pytest.mark.parametrize("block", BLOCKS)
def test_header_blocks_and_separators(block: str) -> None:
    assert read(f"Yes.\n\n{block}\n\nShall we send it?\n").reply == "Yes."


def test_text_below_the_quote_is_the_answer() -> None:
    text = "On 5 Mar 2024, at 10:12, Desk wrote:\n> Shall we send it?\n> Desk\n\nYes, please.\n"
    assert read(text).reply == "Yes, please."


def test_answers_between_quotes_stay_with_what_they_answer() -> None:
    text = "Hi,\n\nOn 5 Mar 2024, Desk wrote:\n> Which colour?\n\nBlue.\n\n> Which size?\n\nLarge.\n\n> Bye\n"
    found = read(text)
    assert "> Which size?\n\nLarge." in found.reply
    assert "Blue." in found.reply
    assert not found.reply.endswith("Bye")


def test_signatures_go() -> None:
    assert read("Yes.\n\n-- \nAna\n+34 600\n").reply == "Yes."
    assert read("Yes.\n\nSent from my iPhone\n").reply == "Yes."
    assert read("Ja.\n\nVon meinem iPhone gesendet\n").reply == "Ja."


@pytest.mark.parametrize(
    "text",
    [
        "On Monday we met and it rained",
        "I sent it from my office.",
        "The parcel was\nsent from Madrid\non Monday, I think",
        "Date: Wednesday 3 October\nTime: 7:00\n\nPlease come.",
        "FYI\n\n---------- Forwarded message ---------\nFrom: Bo <bo@x.example>\nDate: 5 Mar 2024\nSubject: Hm\n\nText",
        "> only a quote\n> and nothing else",
        "--\nonly a signature",
        "On 5 Mar 2024, at 10:12, Desk wrote:\n\nnothing of my own",
        ">>> Click here <<<\nor there",
    ],
)
def test_what_stays_whole(text: str) -> None:
    found = read(text)
    assert found.reply == text.strip()
    assert found.quoted == ""


HTML = [
    '<div>Yes.</div><div class="gmail_quote">On 5 Mar 2024 Desk wrote:<blockquote>Shall we?</blockquote></div>',
    '<p>Yes.</p><div class="moz-cite-prefix">On 5/3/24 Desk wrote:</div><blockquote type="cite">Shall we?</blockquote>',
    '<p>Yes.</p><div id="appendonsend"></div><hr><div id="divRplyFwdMsg">From: Desk</div><div>Shall we?</div>',
    '<p>Yes.</p><div style="border:none;border-top:solid #E1E1E1 1.0pt"><b>From:</b> Desk</div><p>Shall we?</p>',
    '<div>Yes.</div><div class="yahoo_quoted"><div>Shall we?</div></div>',
    "<div>Yes.</div><div>Am 05.03.2024 um 10:12 schrieb Desk:</div><blockquote>Shall we?</blockquote>",
    '<p>Yes.</p><span id="OLK_SRC_BODY_SECTION"><p>Shall we?</p></span>',
]


@pytest.mark.parametrize("html", HTML)
def test_html_structure(html: str) -> None:
    found = read(html, html=True)
    assert found.reply == "Yes."
    assert found.why


def test_a_forward_in_a_gmail_quote_stays() -> None:
    html = '<p>FYI</p><div class="gmail_quote"><div>---------- Forwarded message ---------<br>From: Bo</div>Text</div>'
    assert read(html, html=True).reply.endswith("Text")


def test_html_that_is_all_quote_stays() -> None:
    assert read('<blockquote type="cite">Everything</blockquote>', html=True).reply.endswith("Everything")


def test_comparison_with_the_answered_mail() -> None:
    parent = "Shall we send it on Monday?\nBest regards, Desk"
    text = "Yes.\n\nShall we send it on Monday?\nBest regards, Desk\n"
    assert read(text).reply.endswith("Desk")
    assert read(text, parent=parent).reply == "Yes."
    assert read("Best regards, Desk", parent=parent).reply == "Best regards, Desk"


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["> a", "b", "", "-- ", "On 5 Mar 2024 x wrote:", "From: a@b.c", "To: d@e.f", ">", "---"]))
)
def test_never_stripped_to_nothing(lines: list[str]) -> None:
    cut = cut_text("\n".join(lines))
    assert any(line.strip() for line in cut.kept) == any(line.strip() for line in lines)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=500))
def test_any_text_is_read(text: str) -> None:
    assert isinstance(cut_text(text).kept, list)
