import random
from collections.abc import Callable
from pathlib import Path

import pytest

from gatepost import tokens
from gatepost.ids import id_bytes, id_from_bytes, new_id
from gatepost.seal import Keys, make_keys


def test_ids_sort_by_time_and_name_their_kind() -> None:
    made = [new_id("msg") for _ in range(100)]
    assert made == sorted(made)
    assert id_from_bytes("msg", id_bytes(made[0])) == made[0]
    for wrong in ("", "msg_", "xyz_" + "0" * 32, "msg_" + "0" * 31, made[0].replace("_", "-")):
        with pytest.raises(ValueError):
            id_bytes(wrong)


def test_each_token_leads_back_to_its_row_only(keys: Keys) -> None:
    delivery, message = new_id("dlv"), new_id("msg")
    path, reply = tokens.return_path(keys, delivery), tokens.reply_address(keys, message)
    minted = tokens.mint_message_id(keys, message, "gatepost.test")
    assert len(path) <= 64
    assert tokens.read_return_path(keys, path) == delivery
    assert tokens.read_return_path(keys, path.upper()) == delivery
    assert tokens.read_reply_address(keys, reply) == message
    assert tokens.read_message_id(keys, minted) == message
    assert tokens.read_reply_address(keys, "r+" + path[2:]) is None
    assert tokens.read_return_path(keys, "b+" + reply[2:]) is None
    assert tokens.read_message_id(keys, reply[2:] + "@gatepost.test") is None


def test_another_installation_and_old_keys(keys: Keys, tmp_path: Path) -> None:
    path = tokens.return_path(keys, new_id("dlv"))
    assert tokens.read_return_path(make_keys(tmp_path / "other"), path) is None
    rotated = Keys({**keys.secrets, 2: b"n" * 32}, 2)
    assert tokens.read_return_path(rotated, path) is not None


@pytest.mark.parametrize(
    ("make", "read"),
    [
        (tokens.return_path, tokens.read_return_path),
        (tokens.unsubscribe_address, tokens.read_unsubscribe_address),
        (tokens.reply_address, tokens.read_reply_address),
    ],
)
def test_no_forged_token_is_read(
    keys: Keys, make: Callable[[Keys, str], str], read: Callable[[Keys, str], str | None]
) -> None:
    chance = random.Random(1)
    token = make(keys, new_id("msg" if make is tokens.reply_address else "dlv"))
    letters = "abcdefghijklmnopqrstuvwxyz234567"
    for _ in range(20_000):
        at = chance.randrange(2, len(token))
        other = chance.choice(letters.replace(token[at], ""))
        assert read(keys, token[:at] + other + token[at + 1 :]) is None
    for wrong in ("", "b+", "r+", token[:-1], token + "a", token.replace("+", "-"), "b+" + "é" * 53, "b+" + "1" * 53):
        assert read(keys, wrong) is None
