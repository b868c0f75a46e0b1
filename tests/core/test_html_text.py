"""The visible text of HTML: its structure kept, what is hidden left out, linear."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatepost.html_text import attributes, is_hidden, tokens, visible_text
from tests.core.growth import assert_linear


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<p>One<p>Two", "One\n\nTwo"),
        ("<div>One</div><div>Two</div>", "One\nTwo"),
        ("One<br>Two<br/>Three", "One\nTwo\nThree"),
        ("One<br><br>Two", "One\n\nTwo"),
        ("a\n  b&nbsp;&amp;\tc", "a b & c"),
        ("<ul><li>One<li>Two</ul>", "- One\n- Two"),
        ("x<blockquote>q<br>r</blockquote>y", "x\n\n> q\n> r\n\ny"),
        ("<table><tr><td>a<td>b</tr><tr><td>c</table>", "a b\nc"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("<head><title>t</title></head><body>x", "x"),
        ("<style>p{}</style>x<script>if (a < b) '</p>'</script>y", "xy"),
        ("a<!-- b > c -->d<![if mso]>e<![endif]>f", "adef"),
        ("a < b > c", "a < b > c"),
        ("x<div style='DISPLAY : none'>no<div>no</div>no</div>y", "xy"),
        ('x<span style="font-size:0px;color:red">no</span>y', "xy"),
        ('x<span style="font-size:0.9em">yes</span>', "xyes"),
        ("x<span hidden>no</span>y", "xy"),
        ("<p hidden>no<p>yes", "yes"),
        ('<a title="a > b" href=x>link</a>', "link"),
        ("<p title=don't>x", "x"),
        ("&lt;b&gt; &#8364; &#x20ac; &#99999999999; &nosuch;", "<b> € € \ufffd &nosuch;"),
        ("<textarea><b></textarea>x", "<b>x"),
        ("x<unfinished tag", "x"),
        ("x<!-- unfinished", "x"),
        ("", ""),
    ],
)
def test_text(source: str, text: str) -> None:
    assert visible_text(source) == text


def test_quote_marks_are_capped() -> None:
    assert visible_text("<blockquote>" * 500 + "x") == "> " * 10 + "x"


def test_tokens_and_attributes() -> None:
    assert list(tokens('<A Href="x>y">t</a>')) == [("start", "a", ' Href="x>y"'), ("text", "", "t"), ("end", "a", "")]
    assert attributes(" a=1 B='2' c=\"&lt;\" a=3 d") == {"a": "1", "b": "2", "c": "<", "d": ""}
    assert is_hidden(' style="opacity:0"')
    assert not is_hidden(' style="opacity:0.5"')
    assert not is_hidden(' style="max-height:100px"')


@given(st.text(alphabet="<>/!-='\"& ;#9xapbrdivstyle\n", max_size=300))
@settings(max_examples=400, deadline=None)
def test_total(source: str) -> None:
    visible_text(source)


HOSTILE: dict[str, Callable[[int], str]] = {
    text: (lambda n, text=text: text * n)
    for text in ("<div>", "<br>", "&", "&amp;", "<", "<a ", '<a ="', "<!--", "<script>", "<p hidden>", "<blockquote>x")
} | {
    "digits": lambda n: "&#" + "9" * n + ";",
    "equals": lambda n: "<p" + " =" * n + ">",
    "names": lambda n: "<p style " + "a " * n + ">",
    "styles": lambda n: "<p style='" + "opacity:0" * n + "'>",
    "blanks": lambda n: "<p =" + " " * n,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_html_costs_linear_time(name: str) -> None:
    assert_linear(visible_text, HOSTILE[name], 20_000)
