"""A headless Chromium that is driven through ChromeDriver, and that notices what a page must not do.

Both programs are Debian's; nothing is downloaded. Every request of a page that is not for a file, and every message on its
console, is kept, so that a test can ask for them.
"""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.ui import WebDriverWait

__all__ = ["Chrome", "why_no_browser"]

_LOCAL = ("file:", "data:", "about:", "blob:", "chrome:")
_OPTIONS = (
    "--headless=new",
    "--no-sandbox",  # tests run as root in containers
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)


def why_no_browser() -> str | None:
    """Tell why there is no browser here, or return None."""
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            return f"{program} is not installed (`make servers` installs it)"
    return None


class Chrome:
    """A browser with one page.

    Args:
        folder: An empty folder for its profile.
    """

    def __init__(self, folder: Path) -> None:
        options = Options()
        options.binary_location = str(shutil.which("chromium"))
        for each in (*_OPTIONS, f"--user-data-dir={folder / 'profile'}"):
            options.add_argument(each)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        service = Service(
            executable_path=str(shutil.which("chromedriver")), log_output=str(folder / "chromedriver.log")
        )
        self.driver = webdriver.Chrome(options=options, service=service)
        self.driver.set_page_load_timeout(60)

    def open(self, page: Path, *, width: int = 1200, height: int = 900, is_dark: bool = False) -> None:
        """Open a file in a window of that size, with a light or dark colour scheme; what was kept of the page before is dropped."""
        self.console(), self.requests()
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if is_dark else "light"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme]})
        self.driver.get(page.as_uri())

    def script(self, code: str, *arguments: Any) -> Any:
        """Run JavaScript in the page and return what it returns."""
        return self.driver.execute_script(code, *arguments)

    def find(self, selector: str) -> WebElement:
        """Return the first element of a CSS selector; an error where there is none."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def find_all(self, selector: str) -> list[WebElement]:
        """Return the elements of a CSS selector."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def wait(self, is_so: Callable[[], bool]) -> None:
        """Return once a condition holds; an error if it does not within ten seconds: some events come a moment later."""
        WebDriverWait(self.driver, 10, poll_frequency=0.02).until(lambda _: is_so())

    def keys(self, *keys: str) -> None:
        """Press keys, wherever the focus is."""
        ActionChains(self.driver).send_keys(*keys).perform()

    def screenshot(self, file: Path, *, whole: bool = False) -> Path:
        """Store what is seen, or the whole page, as a PNG."""
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": whole})
        file.write_bytes(base64.b64decode(taken["data"]))
        return file

    def console(self) -> list[str]:
        """Return the messages on the console since the last call; errors of scripts and of the page's policy are among them."""
        return [f"{each['level']}: {each['message']}" for each in self.driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Return the addresses that were asked for since the last call, but for files."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent":
                url = message["params"]["request"]["url"]
                if not url.startswith(_LOCAL):
                    found.append(url)
        return found

    def end(self) -> None:
        """End the browser and its driver."""
        self.driver.quit()
