"""Memory is given back."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
from gatepost.memory import give_back_large_memory
def rss():
    return int(open('/proc/self/status').read().split('VmRSS:')[1].split()[0]) / 1024
assert give_back_large_memory()
bytes(30 << 20)
before = rss()
kept = [bytearray(20 << 20) for _ in range(3)] + [b"x" * 100]
for block in kept[:3]:
    block[:] = b"y" * len(block)
tail = bytearray(500_000)
del kept, block
print(rss() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps large blocks")
def test_large_blocks_go_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 15
