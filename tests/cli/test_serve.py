"""What `gatepost serve` says where it cannot listen."""

import socket

import pytest

from gatepost.cli.frame import Failed
from gatepost.cli.serve import binding
from gatepost.settings import Settings


def test_a_taken_port_names_the_fix() -> None:
    fix = r"stop what listens there, or choose another port with `mx` \(GATEPOST_MX\) in gatepost.toml"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(mx=f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(Failed, match=fix), binding(settings):
            socket.create_server(taken.getsockname())


def test_an_address_of_another_machine_names_the_fix() -> None:
    with pytest.raises(Failed, match="no such address"), binding(Settings()):
        socket.create_server(("192.0.2.1", 0))


def test_other_trouble_is_left_as_it_is() -> None:
    with pytest.raises(FileNotFoundError), binding(Settings()):
        raise FileNotFoundError(2, "No such file or directory")
