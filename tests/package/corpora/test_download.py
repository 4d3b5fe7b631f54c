"""Downloads from a local server that drops connections."""

import hashlib
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from speech_enhancement.corpora import voicebank_demand
from speech_enhancement.corpora.download import DownloadError, download

CONTENT = bytes(range(256)) * 2000


class Server:
    """A server of files in memory, whose first `drops` answers end half-way."""

    def __init__(self, files, drops=0, understands_ranges=True):
        self.requests = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                name = self.path.lstrip("/")
                asked = self.headers.get("Range")
                outer.requests.append((name, asked))
                if name not in files:
                    self.send_error(404)
                    return
                start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked and understands_ranges else 0
                content = files[name][start:]
                if asked and understands_ranges and not content:
                    self.send_response(416)
                    self.send_header("Content-Range", f"bytes */{len(files[name])}")
                    self.end_headers()
                    return
                self.send_response(206 if start else 200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if len(outer.requests) <= drops:
                    content = content[: len(content) // 2]
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_dropped_download_goes_on(tmp_path, algorithm):
    checksum = hashlib.new(algorithm, CONTENT).hexdigest()
    with Server({"file": CONTENT}, drops=2) as server:
        assert download(server.url + "file", tmp_path / "file", checksum).read_bytes() == CONTENT
    half, quarter = len(CONTENT) // 2, len(CONTENT) // 4
    assert [asked for _, asked in server.requests] == [None, f"bytes={half}-", f"bytes={half + quarter}-"]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_was_there_before_is_used(tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    with Server({"file": CONTENT}) as server:
        download(server.url + "file", tmp_path / "file")
        assert server.requests == [("file", "bytes=1000-")]
        download(server.url + "file", tmp_path / "file")
        assert len(server.requests) == 1
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_download_that_was_complete_but_not_renamed(tmp_path):
    (tmp_path / "file.part").write_bytes(CONTENT)
    with Server({"file": CONTENT}) as server:
        download(server.url + "file", tmp_path / "file", hashlib.sha256(CONTENT).hexdigest())
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_server_without_ranges_starts_anew(tmp_path):
    with Server({"file": CONTENT}, drops=1, understands_ranges=False) as server:
        assert download(server.url + "file", tmp_path / "file").read_bytes() == CONTENT


def test_wrong_checksum_is_named_and_deleted(tmp_path):
    with Server({"file": CONTENT}) as server, pytest.raises(DownloadError, match="expected the checksum 00000"):
        download(server.url + "file", tmp_path / "file", "0" * 64)
    assert not list(tmp_path.iterdir())


def test_missing_file_and_missing_server(tmp_path):
    with Server({}) as server, pytest.raises(DownloadError, match="404"):
        download(server.url + "file", tmp_path / "file")
    with pytest.raises(DownloadError, match="nothing came in 5 attempts"):
        download(server.url + "file", tmp_path / "file")


def test_voicebank_demand_is_fetched_and_unpacked(tmp_path):
    files = {}
    for name in voicebank_demand.ARCHIVES:
        archive = tmp_path / name
        with zipfile.ZipFile(archive, "w") as file:
            file.writestr(f"{archive.stem}/p226_001.wav", b"sound")
            file.writestr("__MACOSX/junk", b"junk")
            file.writestr("../outside.wav", b"sound")
        files[name] = archive.read_bytes()
        archive.unlink()
    checksums = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    with Server(files, drops=1) as server:
        voicebank_demand.fetch(tmp_path / "vbd", checksums, server.url)
        voicebank_demand.fetch(tmp_path / "vbd", checksums, server.url)
    assert len(server.requests) == 5
    for name in voicebank_demand.ARCHIVES:
        folder = tmp_path / "vbd" / name.removesuffix(".zip")
        assert sorted(path.name for path in folder.iterdir()) == ["outside.wav", "p226_001.wav"]
    assert not (tmp_path / "outside.wav").exists()
