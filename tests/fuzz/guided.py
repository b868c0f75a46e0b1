"""The readers under the coverage-guided fuzzer atheris, where it is installed; it has no wheel for every Python."""

import importlib.util
import subprocess
import sys

TARGET = """
import sys, atheris
with atheris.instrument_imports(include=["gatepost"]):
    from tests.fuzz.run import read_all
atheris.Setup(sys.argv, read_all)
atheris.Fuzz()
"""


def guide(seconds: int) -> bool:
    """Fuzz for so long; whether nothing was found. Skipped, and told, where atheris is not installed."""
    if importlib.util.find_spec("atheris") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        print(
            f"atheris: skipped, it is not installed (`pip install atheris`, where it has a wheel for Python {version})"
        )
        return True
    limits = ["-timeout=2", "-rss_limit_mb=256", "-max_len=65536"]
    done = subprocess.run([sys.executable, "-c", TARGET, f"-max_total_time={seconds}", *limits], check=False)
    print(f"atheris: {seconds} s, {'nothing found' if done.returncode == 0 else 'found something, see above'}")
    return done.returncode == 0
