"""What all tests share: where the shared captures are, and what happens where a program is missing."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"


def find(program: str) -> str | None:
    """Path of a program, also of one that only root has on its path."""
    return shutil.which(program) or shutil.which(program, path="/usr/sbin:/sbin:/usr/local/sbin")


def missing(program: str) -> str:
    """What to do about a program that is not here."""
    return f"{program} is missing: install it with 'sudo apt-get install {program}'"


def need(program: str) -> str:
    """Path of a program; the test is skipped with the way to get it, or fails where CI demands it."""
    if found := find(program):
        return found
    if program in os.environ.get("FOOTFALL_REQUIRE", "").split():
        pytest.fail(missing(program))
    pytest.skip(missing(program))


def tap_tool() -> ModuleType:
    """The shared tool that makes radiotap interfaces; the test is skipped where it is absent."""
    spec = importlib.util.spec_from_file_location("radiotap_tap", shared("tools") / "radiotap_tap.py")
    assert spec
    assert spec.loader
    tool = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = tool  # its dataclasses look themselves up there
    spec.loader.exec_module(tool)
    return tool


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
        if item.get_closest_marker("root") and not config.getoption("--run-root"):
            item.add_marker(skip)


@pytest.fixture
def anyio_backend() -> str:
    """The event loop of tests that are marked `anyio`."""
    return "asyncio"
