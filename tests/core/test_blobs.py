from pathlib import Path

import pytest

from gatepost.blobs import IN_ROW, Blobs


def test_small_content_is_a_row_and_large_a_file(tmp_path: Path) -> None:
    blobs = Blobs(tmp_path / "blobs")
    assert blobs.keep(b"x" * IN_ROW).data == b"x" * IN_ROW
    assert not (tmp_path / "blobs").exists()
    large = blobs.keep(b"x" * (IN_ROW + 1))
    assert large.data is None
    assert large.blob
    assert blobs.load(large.blob) == b"x" * (IN_ROW + 1)
    assert blobs.keep(b"x" * (IN_ROW + 1)) == large
    assert [path.name for path in blobs.file(large.blob).parent.iterdir()] == [large.blob]


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "A" * 64, "a" * 63, "/" * 64])
def test_no_other_file_is_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError):
        Blobs(tmp_path).load(name)
