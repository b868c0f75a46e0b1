from pathlib import Path

import pytest

from gatepost.seal import (
    KeyFileError,
    Keys,
    SealError,
    load_keys,
    make_keys,
    seal,
    secret_hash,
    secret_matches,
    unseal,
)


def rotated(keys: Keys) -> Keys:
    return Keys({**keys.secrets, 2: b"n" * 32}, 2)


def test_a_key_file_is_private_and_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "var" / "key"
    keys = make_keys(path)
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        make_keys(path)
    assert load_keys(path) == keys


@pytest.mark.parametrize("content", ["", "1 abc\n", "x " + "0" * 64, "0 " + "0" * 64, "1 2 3\n", "1 " + "zz" * 32])
def test_a_damaged_key_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "key"
    path.write_text(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="damaged"):
        load_keys(path)


def test_a_missing_or_open_key_file_is_named_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="gatepost init"):
        load_keys(tmp_path / "key")
    make_keys(tmp_path / "key")
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_keys(tmp_path / "key")


def test_sealed_values_belong_to_their_place_and_survive_rotation(keys: Keys) -> None:
    sealed = seal(keys, "account.secret:1", b"hunter2")
    assert b"hunter2" not in sealed
    assert unseal(rotated(keys), "account.secret:1", sealed) == b"hunter2"
    for place, value in [("account.secret:2", sealed), ("account.secret:1", sealed[:-1]), ("account.secret:1", b"")]:
        with pytest.raises(SealError):
            unseal(keys, place, value)
    with pytest.raises(SealError):
        unseal(keys, "account.secret:1", bytes([9]) + sealed[1:])


def test_secrets_match_only_themselves(keys: Keys) -> None:
    stored = secret_hash(keys, "correct")
    assert secret_matches(keys, "correct", stored)
    assert secret_matches(rotated(keys), "correct", stored)
    for wrong in ("", "wrong", "correct "):
        assert not secret_matches(keys, wrong, stored)
    for damaged in ("", ":", "1:", "7:" + stored[2:], "x:y"):
        assert not secret_matches(keys, "correct", damaged)
