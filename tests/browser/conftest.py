"""The browser of a test module; skipped where there is none, a failure where `FILESAVER_REQUIRE_SYSTEM_PACKAGES` is set."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.browser.chrome import Chrome, why_no_browser


@pytest.fixture(scope="module")
def chrome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    """A browser."""
    missing = why_no_browser()
    if missing and os.environ.get("FILESAVER_REQUIRE_SYSTEM_PACKAGES"):
        pytest.fail(f"the tests with a browser must run here, but {missing}")
    if missing:
        pytest.skip(missing)
    browser = Chrome(tmp_path_factory.mktemp("chrome"))
    try:
        yield browser
    finally:
        browser.end()
