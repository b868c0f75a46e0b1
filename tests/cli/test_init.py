"""What `gatepost init` makes, and what it does not make twice."""

import pytest

from gatepost.cli.frame import Failed
from gatepost.cli.init import init
from gatepost.settings import Settings


def test_a_lost_key_file_is_not_replaced_under_a_database_in_use(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    init(settings, "")
    assert "Key file made" in capsys.readouterr().out
    init(settings, "")
    assert capsys.readouterr().out == ""
    copy = settings.key_path.rename(settings.key_path.with_suffix(".copy"))
    with pytest.raises(Failed, match="put your copy back"):
        init(settings, "")
    assert not settings.key_path.exists()
    copy.rename(settings.key_path)
    init(settings, "")
