"""The self-signed certificate and the TLS context."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gatepost.certificate import VALID, certificate_files, server_context
from gatepost.settings import Settings


def test_is_made_once_with_a_private_key_file(settings: Settings) -> None:
    now = datetime.now(UTC)
    certificate, key = certificate_files(settings, now)
    assert key.stat().st_mode & 0o777 == 0o600
    first = certificate.read_bytes()
    assert certificate_files(settings, now) == (certificate, key)
    assert certificate.read_bytes() == first
    certificate_files(settings, now + VALID - timedelta(days=29))
    assert certificate.read_bytes() != first
    assert sorted(path.name for path in certificate.parent.iterdir()) == ["tls-certificate.pem", "tls-key.pem"]


def test_another_host_name_or_a_broken_file_gets_a_new_one(settings: Settings) -> None:
    now = datetime.now(UTC)
    certificate, _ = certificate_files(settings, now)
    first = certificate.read_bytes()
    certificate_files(settings.model_copy(update={"hostname": "mx.gatepost.test"}), now)
    second = certificate.read_bytes()
    assert second != first
    certificate.write_bytes(b"not a certificate")
    certificate_files(settings, now)
    assert certificate.read_bytes().startswith(b"-----BEGIN CERTIFICATE-----")


def test_files_of_the_settings_are_taken_as_they_are(settings: Settings, tmp_path: Path) -> None:
    given = settings.model_copy(update={"tls_certificate": Path("c.pem"), "tls_key": Path("k.pem")})
    assert certificate_files(given, datetime.now(UTC)) == (tmp_path / "c.pem", tmp_path / "k.pem")


@pytest.mark.parametrize("name", ["mail.gatepost.test", "localhost", "127.0.0.1"])
def test_a_client_that_trusts_it_checks_the_name(settings: Settings, name: str) -> None:
    certificate, key = certificate_files(settings, datetime.now(UTC))

    async def scenario() -> None:
        async def hang_up(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=server_context(certificate, key))
        port = server.sockets[0].getsockname()[1]
        trust = ssl.create_default_context(cafile=str(certificate))
        _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trust, server_hostname=name)
        assert writer.get_extra_info("ssl_object").version() in ("TLSv1.2", "TLSv1.3")
        writer.transport.abort()
        server.close()

    asyncio.run(scenario())


def test_old_tls_is_not_spoken(settings: Settings) -> None:
    context = server_context(*certificate_files(settings, datetime.now(UTC)))
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2


def test_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"gone\.pem: .*tls_certificate"):
        server_context(tmp_path / "gone.pem", tmp_path / "gone.key")
    (tmp_path / "c.pem").write_text("not a certificate")
    with pytest.raises(OSError, match=r"c\.pem .*set tls_certificate"):
        server_context(tmp_path / "c.pem", tmp_path / "c.pem")
