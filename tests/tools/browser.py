"""A headless Chromium for tests: files dropped onto a page, and every address that the page asked for."""

import base64
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import pytest

# As root in a container there is no sandbox; the others keep Chromium itself from calling home.
FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-dev-shm-usage",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1280,1500",
)  # fmt: skip
DROP = """
const [target, name, type, data] = arguments;
const bytes = Uint8Array.from(atob(data), character => character.charCodeAt(0));
const transfer = new DataTransfer();
transfer.items.add(new File([bytes], name, {type}));
for (const kind of ["dragenter", "dragover", "drop"])
    target.dispatchEvent(new DragEvent(kind, {dataTransfer: transfer, bubbles: true, cancelable: true}));
"""


@contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """A Selenium driver; the test is skipped where the machine has no Chromium or the environment no Selenium."""
    webdriver = pytest.importorskip("selenium.webdriver", reason="no selenium: pip install selenium")
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if not browser or not driver:
        pytest.skip("no Chromium with chromedriver here (Debian: apt install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        # Chromium may open a page of its own, which would keep the keyboard.
        opened.execute_cdp_cmd("Emulation.setFocusEmulationEnabled", {"enabled": True})
        yield opened
    finally:
        opened.quit()


def drop(driver: Any, target: Any, name: str, content: bytes, kind: str = "image/png") -> None:
    """Drop a file onto an element, as a person does with the mouse."""
    driver.execute_script(DROP, target, name, kind, base64.b64encode(content).decode())


def requested(driver: Any) -> set[str]:
    """Every address in the network that was asked for since the last question.

    Chromium's own pages (chrome-untrusted://new-tab-page) and what the page holds itself (data:, blob:) are none.
    """
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    sent = [message for message in messages if message["method"] == "Network.requestWillBeSent"]
    urls = {message["params"]["request"]["url"] for message in sent}
    return {url for url in urls if urlparse(url).scheme not in ("about", "blob", "chrome", "chrome-untrusted", "data")}
