"""Data URIs, and the cost of importing them."""

import base64
import subprocess
import sys

from speech_enhancement.files.data_uri import data_uri


def test_the_file_comes_back():
    header, _, content = data_uri("image/png", bytes(range(256))).partition(",")
    assert header == "data:image/png;base64"
    assert base64.b64decode(content) == bytes(range(256))


def test_files_without_tensors_import_no_torch():
    """Reports of a class use them, and torch takes seconds to import."""
    code = (
        "import sys, speech_enhancement.files.atomic, speech_enhancement.files.data_uri;"
        "sys.exit('torch' in sys.modules or 'soundfile' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
