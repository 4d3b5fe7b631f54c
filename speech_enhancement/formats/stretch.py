"""A part of a file that a library reads as if it were a file of its own."""

import io
import os
from typing import BinaryIO


class Stretch(io.RawIOBase):
    """Read-only file that consists of `prefix` and of the bytes `start` to `end` of another file.

    Example:
        >>> Stretch(io.BytesIO(b"0123456789"), 2, 5, prefix=b"ab").read()
        b'ab234'
    """

    def __init__(self, file: BinaryIO, start: int, end: int, prefix: bytes = b""):
        self._file, self._start, self._prefix = file, start, prefix
        self._size = len(prefix) + end - start
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence])
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer) -> int:
        view = memoryview(buffer).cast("B")[: max(0, self._size - self._position)]
        of_prefix = self._prefix[self._position : self._position + len(view)]
        count = len(of_prefix)
        view[:count] = of_prefix
        if count < len(view):
            self._file.seek(self._start + self._position + count - len(self._prefix))
            count += self._file.readinto(view[count:]) or 0
        self._position += count
        return count
