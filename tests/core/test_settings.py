import json
from pathlib import Path

import pytest
import structlog

from gatepost.logs import mask, set_up_logs
from gatepost.settings import Settings, SettingsError, load_settings


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_flag_over_environment_over_file_over_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "own.toml"
    config.write_text('domain = "file.example"\nmx = "127.0.0.1:1"\nweb = "127.0.0.1:1"\n')
    monkeypatch.setenv("GATEPOST_CONFIG", str(config))
    monkeypatch.setenv("GATEPOST_MX", "127.0.0.1:2")
    monkeypatch.setenv("GATEPOST_WEB", "127.0.0.1:2")
    settings = load_settings(web="127.0.0.1:3")
    assert (settings.domain, settings.mx, settings.web) == ("file.example", "127.0.0.1:2", "127.0.0.1:3")
    assert settings.submission == "127.0.0.1:1587"
    assert settings.path(settings.var) == tmp_path / "var"
    assert settings.database_url == f"sqlite:///{tmp_path / 'var' / 'gatepost.db'}"


def test_secrets_come_from_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "relay").write_text("smtps://u:p@relay.example\n")
    monkeypatch.setenv("GATEPOST_RELAY_FILE", str(tmp_path / "relay"))
    assert load_settings(route="relay").relay == "smtps://u:p@relay.example"
    monkeypatch.setenv("GATEPOST_RELAY_FILE", str(tmp_path / "gone"))
    with pytest.raises(SettingsError, match="GATEPOST_RELAY_FILE"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("mx", "1025", "host:port"),
        ("domain", "not a domain", "domain"),
        ("route", "pigeon", "sandbox"),
        ("relay", "http://x", "smtp://"),
        ("deliveries_at_once", "many", "integer"),
        ("private_hosts", "yep", "true or false"),
        ("relay", "smtp://relay.example:99999", "smtp://"),
        ("relay", "smtp://[relay.example", "smtp://"),
        ("database", "mysql://db/gatepost", "postgresql://"),
    ],
)
def test_each_setting_that_does_not_fit_is_one_line_with_the_fix(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, word: str
) -> None:
    monkeypatch.setenv(f"GATEPOST_{name.upper()}", value)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    (line,) = caught.value.problems
    assert f"GATEPOST_{name.upper()}" in line
    assert word in line


def test_settings_that_do_not_fit_together(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="relay is empty"):
        load_settings(route="relay")
    with pytest.raises(SettingsError, match="go together"):
        load_settings(tls_certificate=tmp_path / "c.pem")
    with pytest.raises(SettingsError, match="must differ"):
        load_settings(domain="a.example", bounce_domain="a.example")
    (tmp_path / "gatepost.toml").write_text("nonsense = 1\n")
    with pytest.raises(SettingsError, match="nonsense"):
        load_settings()
    with pytest.raises(SettingsError, match="not there"):
        load_settings(tmp_path / "missing.toml")
    (tmp_path / "gatepost.toml").write_text('domian = "a.example"\n')
    with pytest.raises(SettingsError, match=r"is it domain\?"):
        load_settings()
    (tmp_path / "gatepost.toml").write_text("domain = a.example")
    with pytest.raises(SettingsError, match=r"gatepost\.toml.* in \"quotes\""):
        load_settings()


def test_logs_hide_secrets_and_stay_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(Settings(log="json"))
    structlog.get_logger("x").info("tried", password="hunter2", api_token="t", who="a\r\nb\u202ec")
    structlog.reset_defaults()
    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert (event["password"], event["api_token"]) == ("***", "***")
    assert "\n" not in event["who"]
    assert "\u202e" not in event["who"]
    assert "hunter2" not in line
    assert mask(None, "", {"event": "x", "cookie": "y"})["cookie"] == "***"


def test_a_traceback_shows_no_values(capsys: pytest.CaptureFixture[str]) -> None:
    def log_in(password: str) -> None:
        raise ValueError("broken\x1b[31m")

    for shape in ("text", "json"):
        set_up_logs(Settings(log=shape))
        try:
            log_in("".join(("hunt", "er2")))
        except ValueError as error:
            structlog.get_logger("x").error("failed", exc_info=error)
        structlog.reset_defaults()
        told = capsys.readouterr().err
        assert "in log_in" in told
        assert "hunter2" not in told
        assert "broken\x1b" not in told
