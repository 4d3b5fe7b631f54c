"""What a person does on the pages of a hub, as functions of a Playwright page.

They wait for conditions, and nothing here is slow enough for the longest wait unless it hangs.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

LONGEST_WAIT = 300_000
"""Longest wait for one step, in milliseconds."""

LONGEST_GRADING = 1200
"""Longest wait for the points of a submission, in seconds."""


def log_in(page: Page, address: str, name: str) -> None:
    """Log in and wait for JupyterLab."""
    page.goto(f"{address}/hub/login")
    page.fill("#username_input", name)
    page.fill("#password_input", "any")
    page.click("#login_submit")
    page.wait_for_url(f"**/user/{name}/lab**")
    wait_for_lab(page)


def start_server(page: Page, address: str, name: str) -> None:
    """Start a person's server if it has been stopped, and wait for JupyterLab."""
    page.goto(f"{address}/hub/spawn")
    page.wait_for_url(f"**/user/{name}/lab**")
    wait_for_lab(page)


def open_lab(page: Page, server: str, path: str = "") -> None:
    """Open JupyterLab anew, with a file if one is named."""
    page.goto(f"{server}/lab/tree/{path}?reset" if path else f"{server}/lab?reset")
    wait_for_lab(page)


def wait_for_lab(page: Page) -> None:
    """Wait until JupyterLab is drawn."""
    page.wait_for_selector("#jp-MainMenu")
    page.wait_for_selector("#jupyterlab-splash", state="detached")


def choose(page: Page, entry: str) -> None:
    """Choose an entry of JupyterLab's Nbgrader menu."""
    page.click('#jp-MainMenu .lm-MenuBar-itemLabel:text-is("Nbgrader")')
    page.click(f'.lm-Menu-itemLabel:text-is("{entry}")')


def open_assignments(page: Page) -> None:
    """Open the list of assignments."""
    choose(page, "Assignment List")
    for part in ("released", "submitted"):
        page.wait_for_selector(f"#{part}_assignments_list_loading[hidden]", state="attached")


def fetch(page: Page, name: str) -> None:
    """Fetch a released assignment."""
    _listed(page, "released", name).locator('button:text-is("Fetch")').click()
    _listed(page, "fetched", name).locator('button:text-is("Submit")').wait_for()


def submit(page: Page, name: str) -> None:
    """Submit a fetched assignment."""
    with page.expect_response("**/assignments/submit*") as answer:
        _listed(page, "fetched", name).locator('button:text-is("Submit")').click()
    assert answer.value.json()["success"], answer.value.text()
    _listed(page, "submitted", name).first.wait_for()


def _listed(page: Page, part: str, name: str) -> Locator:
    """An assignment's rows in a part of the list of assignments."""
    return page.locator(f"#{part}_assignments_list .list_item > div", has_text=name)


def replace_text(page: Page, editor: Locator, text: str) -> None:
    """Replace the text of an editor."""
    editor.click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)


def run_first_cell(page: Page, text: str) -> None:
    """Replace the text of a notebook's first code cell, run it, and wait until it has run."""
    # The notebook's own indicator says "idle" before there is a kernel, and a cell that is run then is lost.
    page.get_by_text("(ipykernel) | Idle").wait_for()
    cell = page.locator(".jp-CodeCell").first
    replace_text(page, cell.locator(".cm-content"), text)
    page.keyboard.press("Shift+Enter")
    cell.locator(r".jp-InputPrompt:text-matches('^\\[\\d+\\]:$')").wait_for()


def run_in_terminal(page: Page, line: str) -> str:
    """Open a terminal from JupyterLab's launcher, and run a command line, which must succeed.

    Returns:
        All that the terminal has written.
    """
    pieces = []

    def keep(frame: str | bytes) -> None:
        if str(frame).startswith('["stdout"'):
            pieces.append(json.loads(frame)[1])

    def ended() -> re.Match | None:
        return re.search(r"status (\d+)", "".join(pieces))

    page.on("websocket", lambda socket: socket.on("framereceived", keep))
    page.locator('.jp-LauncherCard[title*="terminal" i]').click()
    # The shell's prompt.
    wait_until(page, lambda: bool(pieces))
    page.locator(".jp-Terminal .xterm-screen").click()
    page.keyboard.type(f"{line}; echo status $?\n")
    wait_until(page, lambda: ended() is not None)
    assert ended()[1] == "0", "".join(pieces)
    return "".join(pieces)


def assignment(page: Page, name: str, link: str) -> Locator:
    """A link in the form grader's row of an assignment."""
    return page.locator("tr", has=page.locator(f'td.name:has-text("{name}")')).locator(f"td.{link} a")


def click_in_turn(
    page: Page, form_grader: str, name: str, links: Sequence[str], succeeded: Callable[[str], object]
) -> None:
    """Click links of an assignment in the form grader, and call a function with each that has succeeded."""
    page.goto(f"{form_grader}/manage_assignments")
    for link in links:
        title, text = click_and_read(page, assignment(page, name, link))
        assert title == "Success", text
        # The answer names folders of this machine, which a screenshot should not show.
        close_answer(page)
        succeeded(link)


def click_and_read(page: Page, link: Locator) -> tuple[str, str]:
    """Click one of the form grader's links and read what it says.

    Returns:
        Title and text of its answer.
    """
    link.click()
    answer = page.locator(".modal.in")
    answer.locator(".modal-title").wait_for()
    # It slides in.
    page.wait_for_function("document.querySelector('.modal.in').getAnimations({subtree: true}).length == 0")
    return answer.locator(".modal-title").inner_text(), answer.locator(".modal-body").inner_text()


def close_answer(page: Page) -> None:
    """Close the form grader's answer."""
    page.locator(".modal.in button.btn-primary, .modal.in button.close").first.click()
    # It fades away, and the shade behind it goes last.
    page.locator(".modal-backdrop").wait_for(state="detached")


def autograde_link(page: Page, form_grader: str, name: str, student: str) -> Locator:
    """Open the list of an assignment's submissions.

    Returns:
        The link "Autograde" beside a student.
    """
    page.goto(f"{form_grader}/manage_submissions/{name}")
    row = page.locator("tr", has=page.locator(f"td.student-id:text-is('{student}')"))
    row.wait_for()
    return row.locator("td.autograde a")


def autograde(page: Page, form_grader: str, name: str, student: str) -> None:
    """Click "Autograde" until the form grader says that it worked; a grading that takes long goes on between clicks."""
    end = time.monotonic() + LONGEST_GRADING
    while True:
        title, text = click_and_read(page, autograde_link(page, form_grader, name, student))
        if title == "Success":
            return
        assert "click again" in text, f"{title}: {text}"
        assert time.monotonic() < end


def save_changed(page: Page, element: str, text: str) -> None:
    """Fill in a field of the form grader, which saves it when it is left."""
    # What is filled in before the points have come is lost.
    page.wait_for_function("formgrader.grades?.loaded && formgrader.comments?.loaded")
    page.fill(element, text)
    with page.expect_response(lambda response: response.request.method in ("PUT", "POST")) as answer:
        page.keyboard.press("Tab")
    assert answer.value.ok, answer.value.status


def wait_until(page: Page, holds: Callable[[], bool]) -> None:
    """Wait until a condition holds, while the page's events are handled."""
    end = time.monotonic() + LONGEST_WAIT / 1000
    while not holds():
        assert time.monotonic() < end
        page.wait_for_timeout(100)
