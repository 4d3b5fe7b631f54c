"""What a person does on the pages of a hub, as functions of a Playwright page."""

import time

from playwright.sync_api import Locator, Page, expect

SLOW = 120_000
"""Longest wait for one step, in milliseconds."""

GRADING_SECONDS = 300
"""Longest wait for the points of a submission, on a machine that runs other tests at the same time."""


def log_in(page: Page, address: str, name: str) -> None:
    """Log in and wait for JupyterLab."""
    page.goto(f"{address}/hub/login")
    page.fill("#username_input", name)
    page.fill("#password_input", "any")
    page.click("#login_submit")
    page.wait_for_url(f"**/user/{name}/lab**", timeout=SLOW)
    wait_for_lab(page)


def wait_for_lab(page: Page) -> None:
    """Wait until JupyterLab is drawn."""
    page.wait_for_selector("#jp-MainMenu", timeout=SLOW)
    page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=SLOW)


def choose(page: Page, entry: str) -> None:
    """Choose an entry of JupyterLab's Nbgrader menu."""
    page.click('#jp-MainMenu .lm-MenuBar-itemLabel:text-is("Nbgrader")')
    page.click(f'.lm-Menu-itemLabel:text-is("{entry}")')


def open_assignments(page: Page) -> None:
    """Open the list of assignments."""
    choose(page, "Assignment List")
    for part in ("released", "submitted"):
        expect(page.locator(f"#{part}_assignments_list")).not_to_contain_text("Loading", timeout=SLOW)


def fetch(page: Page) -> None:
    """Fetch the released assignment."""
    page.click('#released_assignments_list .item_status button:text-is("Fetch")', timeout=SLOW)
    page.wait_for_selector('#fetched_assignments_list button:text-is("Submit")', timeout=SLOW)


def submit(page: Page) -> None:
    """Submit the fetched assignment."""
    page.click('#fetched_assignments_list button:text-is("Submit")', timeout=SLOW)
    page.wait_for_selector("#submitted_assignments_list .list_item", timeout=SLOW)


def open_file(page: Page, address: str, name: str, path: str) -> None:
    """Open a file of a person's home folder in JupyterLab."""
    page.goto(f"{address}/user/{name}/lab/tree/{path}?reset")
    wait_for_lab(page)


def replace_text(page: Page, editor: Locator, text: str) -> None:
    """Replace the text of an editor and save it."""
    editor.click(timeout=SLOW)
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)
    page.keyboard.press("Control+S")


def run_first_cell(page: Page, text: str) -> None:
    """Replace the text of a notebook's first code cell and run it."""
    # The notebook's own indicator says "idle" before there is a kernel, and a cell that is run then is lost.
    page.get_by_text("(ipykernel) | Idle").wait_for()
    cell = page.locator(".jp-CodeCell").first
    cell.locator(".cm-content").click()
    page.keyboard.press("Control+A")
    page.keyboard.insert_text(text)
    page.keyboard.press("Shift+Enter")
    expect(cell.locator(".jp-InputPrompt")).not_to_have_text("[ ]:", timeout=SLOW)


def assignment(page: Page, link: str) -> Locator:
    """A link in the form grader's row of the milestone."""
    return page.locator("tr", has=page.locator('td.name:has-text("milestone1")')).locator(f"td.{link} a")


def click_and_read(page: Page, link: Locator) -> tuple[str, str]:
    """Click one of the form grader's links and read what it says.

    Returns:
        Title and text of its answer.
    """
    link.click(timeout=SLOW)
    answer = page.locator(".modal.in")
    answer.locator(".modal-title").wait_for(timeout=SLOW)
    # It slides in.
    page.wait_for_function("document.querySelector('.modal.in').getAnimations({subtree: true}).length == 0")
    title, text = answer.locator(".modal-title").inner_text(), answer.locator(".modal-body").inner_text()
    return title, text


def close_answer(page: Page) -> None:
    """Close the form grader's answer."""
    page.locator(".modal.in button.btn-primary, .modal.in button.close").first.click()
    expect(page.locator(".modal.in")).to_have_count(0, timeout=SLOW)


def autograde(page: Page, address: str, student: str) -> str:
    """Click "Autograde" until the form grader says that it worked; a grading that takes long goes on between clicks.

    Returns:
        What it said last.
    """
    end = time.monotonic() + GRADING_SECONDS
    while True:
        page.goto(f"{address}/manage_submissions/milestone1")
        row = page.locator("tr", has=page.locator(f"td.student-id:text-is('{student}')"))
        title, text = click_and_read(page, row.locator("td.autograde a"))
        if title == "Success" or time.monotonic() > end or "click again" not in text:
            return f"{title}\n{text}"
        # Each click copies and converts the submission, which takes from the grading what it waits for.
        page.wait_for_timeout(3000)
