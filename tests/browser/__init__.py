"""Headless Chromium for the suites that need it, and what a machine lacks to run them."""

import contextlib
import importlib.util
import io
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image


def lacking(*packages: str) -> list[str]:
    """Name what the machine lacks of these packages and of what a browser needs."""
    names = [name for name in (*packages, "playwright") if importlib.util.find_spec(name) is None]
    return names if chromium() else [*names, "chromium"]


def chromium() -> str | None:
    """Path of the machine's Chromium."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@contextlib.contextmanager
def headless_chromium(*options: str) -> Iterator:
    """Start the machine's Chromium, with options of its command line."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(options))
        yield browser
        browser.close()


def photographer(variable: str) -> Callable:
    """Make a function that keeps a screenshot under a name if this environment variable names a folder for them."""
    folder = os.environ.get(variable)

    def take(page, name: str, **options) -> None:
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            # A palette makes the file a third as large.
            image = Image.open(io.BytesIO(page.screenshot(**options)))
            image.convert("RGB").quantize(48).save(Path(folder, f"{name}.png"), optimize=True)

    return take
