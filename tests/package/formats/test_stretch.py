"""A part of a file, read as a file of its own."""

import io
import random

from speech_enhancement.formats.stretch import Stretch


def test_reads_and_seeks_as_a_file_of_the_same_bytes():
    numbers = random.Random(0)
    whole = bytes(range(200))
    stretch, same = Stretch(io.BytesIO(whole), 50, 120, prefix=b"prefix"), io.BytesIO(b"prefix" + whole[50:120])
    for _ in range(200):
        offset, whence = numbers.choice([(numbers.randrange(90), 0), (numbers.randrange(-4, 9), 1), (-3, 2)])
        if whence != 1 or same.tell() + offset >= 0:
            assert stretch.seek(offset, whence) == same.seek(offset, whence)
        size = numbers.randrange(20)
        assert stretch.read(size) == same.read(size)
        assert stretch.tell() == same.tell()
