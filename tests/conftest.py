"""What all tests share: where the shared captures are, and what happens where a program is missing."""

import os
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"
GET = {"mosquitto": "mosquitto", "chromium": "chromium", "openssl": "openssl"}


def need(program: str) -> str:
    """Path of a program; the test is skipped with the way to get it, or fails where CI demands it."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin")
    if found:
        return found
    message = f"{program} is missing: install it with 'sudo apt-get install {GET.get(program, program)}'"
    if program in os.environ.get("FOOTFALL_REQUIRE", "").split():
        pytest.fail(message)
    pytest.skip(message)


def shared(part: str) -> Path:
    """A folder of the shared material beside the checkout; the test is skipped where it is absent."""
    found = SHARED / part
    if not found.exists():
        pytest.skip(f"the shared material ({part}) is not beside this checkout")
    return found


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--run-root", action="store_true", help="also run tests that make kernel interfaces (as root)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    skip = pytest.mark.skip(reason="makes a kernel interface: run 'make live-test' as root")
    for item in items:
        if "root" in item.keywords and not config.getoption("--run-root"):
            item.add_marker(skip)
