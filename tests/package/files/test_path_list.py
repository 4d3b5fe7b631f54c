"""Packed paths."""

import pytest

from speech_enhancement.files.path_list import PathSequence


def test_packed_paths():
    paths = ["a.wav", "folder/ü.flac", "c" * 300]
    packed = PathSequence(iter(paths))
    assert list(packed) == paths and len(packed) == 3 and packed[-1] == paths[-1]
    with pytest.raises(IndexError, match="expected -3 to 2, got 3"):
        packed[3]
