"""Download of a file: resumed where it broke off, checked, and renamed into place when it is complete."""

import hashlib
import http.client
import urllib.error
import urllib.request
from pathlib import Path

from tqdm.auto import tqdm

_BLOCK = 1 << 16
_TIMEOUT_S = 60


class DownloadError(OSError):
    """A file that could not be downloaded, or is not the expected one; the message names it."""


def download(url: str, path: Path, checksum: str | None = None, attempts: int = 5) -> Path:
    """Download `url` to `path`, unless the file is there already.

    The bytes received so far stay in `path` with `.part` added, even if the process is killed; the next attempt asks
    for the rest (RFC 9110, section 14.2). A dropped connection that brought something costs no attempt.

    Args:
        url: address of the file.
        path: file to write.
        checksum: SHA-256 (64 digits) or MD5 (32 digits), as hexadecimal digits.
        attempts: number of connections in a row that may bring nothing.

    Returns:
        `path`.

    Raises:
        DownloadError: nothing more came, the server refused, or the checksum differs; then the file is deleted.
    """
    if path.exists():
        return path
    part = path.with_name(path.name + ".part")
    failed = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            _continue(url, part, path.name)
            break
        except urllib.error.HTTPError as error:
            raise DownloadError(f"{url}: expected the file, got HTTP status {error.code} {error.reason}") from None
        except (OSError, http.client.HTTPException) as error:
            grown = part.exists() and part.stat().st_size > before
            failed = 0 if grown else failed + 1
            if failed >= attempts:
                raise DownloadError(f"{url}: nothing came in {attempts} attempts: {error}") from None
    if checksum is not None:
        _check(part, checksum, url)
    part.replace(path)
    return path


def _continue(url: str, part: Path, name: str) -> None:
    """Append the missing bytes to `part`; raise if the connection ends early."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == 416 and error.headers.get("Content-Range") == f"bytes */{have}":
            return
        raise
    with response:
        if response.status != 206:
            have = 0
        total = have + int(response.headers["Content-Length"]) if response.headers["Content-Length"] else None
        with (
            part.open("ab" if have else "wb") as file,
            tqdm(total=total, initial=have, desc=name, unit="B", unit_scale=True) as bar,
        ):
            while block := response.read1(_BLOCK):
                file.write(block)
                bar.update(len(block))
            if total is not None and file.tell() < total:
                raise http.client.IncompleteRead(b"", total - file.tell())


def _check(part: Path, checksum: str, url: str) -> None:
    with part.open("rb") as file:
        digest = _file_digest(file, "md5" if len(checksum) == 32 else "sha256")
    if digest != checksum.lower():
        part.unlink()
        raise DownloadError(f"{url}: expected the checksum {checksum}, got {digest}; the file was deleted")


def _file_digest(file, algorithm: str) -> str:
    digest = hashlib.new(algorithm)
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()
