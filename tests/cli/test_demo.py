"""The demo plays its scene through the real listeners, again and again, and says where it cannot."""

import re
from concurrent.futures import ThreadPoolExecutor

import pytest

from gatepost.cli.demo_mails import SHOP, first_letters, invoice, paper, picture
from gatepost.cli.demo_stage import compose_letter
from gatepost.mail import parse
from gatepost.store.channels import channel_by_address
from gatepost.store.credentials import list_credentials
from gatepost.store.deliveries import count_states
from tests.rig.gatepost import Product, installed

SCENES = 8


def places(told: str) -> list[str]:
    """The pages that the demo names at its end."""
    return re.findall(r"^  (http\S+)", told, re.MULTILINE)


def test_it_shows_every_state_and_can_be_repeated(product: Product) -> None:
    with ThreadPoolExecutor() as pool:  # the second play begins where the first one has set the stage
        plays = [pool.submit(product.run, "demo", **product.ports)]
        product.until(lambda: product.read(count_states))
        plays.append(pool.submit(product.run, "demo", **product.ports))
    first, again = (play.result() for play in plays)
    told = ("In-Reply-To matched", "failed  550 5.1.1", "failed  5.1.2", "552 5.3.4", "delayed  452 4.2.2")
    for play in (first, again):
        assert (play.returncode, play.stderr.strip()) == (0, "")
        assert all(f"\n{at}/{SCENES}  " in play.stdout for at in range(1, SCENES + 1))
        assert all(
            words in play.stdout for words in (*told, "bounced  550 5.1.1", "Automatic reply", "A new conversation")
        )
    assert product.read(count_states) == {"delivered": 14, "failed": 10, "bounced": 2}
    assert len(product.read(list_credentials)) == 1
    assert product.read(lambda session: channel_by_address(session, SHOP)) is not None

    pages = places(first.stdout)
    assert len(set(pages)) == len(pages) == 12
    product.user("maya@northwind.example")
    with product.client("maya@northwind.example") as client:
        assert {client.get(page).status_code for page in pages} == {200}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"submission": "127.0.0.1:1"}, "nothing answers at 127.0.0.1:1 (submission)"),
        ({"mx": ""}, "the listener `mx` is switched off"),
        ({"route": "relay", "relay": "smtp://relay.example"}, "set route = sandbox"),
    ],
)
def test_it_says_why_it_cannot_play(product: Product, change: dict[str, str], sentence: str) -> None:
    ended = product.run("demo", **{**product.ports, **change})
    assert ended.returncode == 1
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_server_of_other_data_is_told(product: Product) -> None:
    with installed() as other:
        ended = other.run("demo", **product.ports)
    assert ended.returncode == 1
    assert "other data" in ended.stderr or "certificate" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_its_mails_are_well_formed() -> None:
    for letter in (invoice("221030"), *first_letters("221030")):
        mail = parse(compose_letter(letter, "one@northwind.example"))
        assert mail.defects == ()
        assert mail.subject == letter.subject
        assert [found.name for found in mail.attachments] == [name for name, _, _ in letter.files]
    assert paper(["Total"]).startswith(b"%PDF-1.4")
    assert picture(4, 3, (10, 20, 30)).startswith(b"\x89PNG")
