"""The page as a user starts it, in headless Chromium; the suite is skipped, with the reason, where it cannot be had."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import browser as browsers

# The command, in a process that tells of each connection that it opens.
_AUDITED = """
import runpy, sys
def tell(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        print("connection:", event, arguments[-1] if event == "socket.connect" else arguments[0], file=sys.stderr)
sys.addaudithook(tell)
runpy.run_module("speech_enhancement", run_name="__main__")
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the suite where something is missing."""
    missing = browsers.lacking("gradio")
    for item in items:
        if missing and Path(__file__).parent in item.path.parents:
            reason = f"the page is not tested: {', '.join(missing)} missing (see CONTRIBUTING.md)"
            item.add_marker(pytest.mark.skip(reason=reason))


@dataclass(frozen=True)
class Server:
    """The running command, its address, and the folder that is its home, working folder and place for uploads."""

    process: subprocess.Popen
    address: str
    folder: Path

    def stop(self) -> tuple[int, str]:
        """Interrupt it as Control+C does; return its exit status and what it wrote to stderr."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60), (self.folder.parent / "stderr").read_text()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of the page on a free port, with the packaged model."""
    folder = tmp_path_factory.mktemp("live") / "home"
    folder.mkdir()
    root = Path(__file__).parents[2]
    environment = {**os.environ, "HOME": str(folder), "TMPDIR": str(folder), "PYTHONPATH": str(root)}
    # matplotlib keeps a list of fonts.
    environment["MPLCONFIGDIR"] = str(folder.parent)
    # A suite that runs in the background ignores SIGINT, and every process that it starts would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with (folder.parent / "stderr").open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", _AUDITED, "live", "--port", "0"],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    with process:
        line = process.stdout.readline()
        assert line.startswith("http://127.0.0.1:"), (folder.parent / "stderr").read_text()
        yield Server(process, line.split()[0], folder)
        process.kill()


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium with a microphone that beeps."""
    with browsers.headless_chromium("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream") as browser:
        yield browser


@pytest.fixture(scope="session")
def photograph():
    """Function that keeps a screenshot if LIVE_SCREENSHOTS names a folder for them."""
    return browsers.photographer("LIVE_SCREENSHOTS")


@pytest.fixture(scope="session")
def elsewhere() -> list[str]:
    """The addresses beyond the page's own that any page has asked for."""
    return []


@pytest.fixture
def page(browser, server: Server, elsewhere: list[str]):
    """The page, opened anew; whatever it asks of another host is refused and noted."""
    context = browser.new_context(viewport={"width": 1100, "height": 800})
    context.set_default_timeout(60_000)

    def refuse(route) -> None:
        elsewhere.append(route.request.url)
        route.abort()

    context.route(lambda url: not url.startswith((f"{server.address}/", "data:", "blob:")), refuse)
    page = context.new_page()
    page.goto(server.address)
    page.get_by_text("Drop File Here").wait_for()
    yield page
    context.close()
