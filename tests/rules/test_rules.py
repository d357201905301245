"""The house rules, held by tests: layers, types, lint, sizes, words, and documents that keep up with the code."""

import ast
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agent import __main__ as agent_commands
from cloud import __main__ as cloud_commands
from tests.conftest import ROOT

SOURCES = sorted(path for top in ("agent", "cloud") for path in (ROOT / top).rglob("*.py"))
TEXTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def tool(*words: str) -> None:
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_lint() -> None:
    tool("ruff", "check", ".")


def test_format() -> None:
    tool("ruff", "format", "--check", ".")


def test_types() -> None:
    tool("mypy")


def test_who_may_import_whom() -> None:
    from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

    assert lint_imports(str(ROOT / "pyproject.toml")) == EXIT_STATUS_SUCCESS


def test_files_stay_small() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in SOURCES}
    too_long = {str(path.relative_to(ROOT)): count for path, count in lines.items() if count > 400}
    assert not too_long
    assert statistics.median(lines.values()) <= 120


def test_functions_stay_small() -> None:
    lengths = sorted(
        node.end_lineno - node.lineno + 1
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno
    )
    assert lengths[int(0.9 * len(lengths))] <= 35


def test_a_file_states_its_rules_first() -> None:
    for path in SOURCES:
        if path.read_text().strip() and "migrations" not in path.parts:
            assert ast.get_docstring(ast.parse(path.read_text())), f"{path} does not say what it is"


def test_nobody_claims_that_hashing_makes_data_anonymous() -> None:
    """Hashing is not anonymisation (CNIL, FTC, AEPD); saying so anywhere would be the field's usual lie."""
    for path in [*TEXTS, *SOURCES, *(ROOT / "cloud/dashboard/templates").glob("*")]:
        for sentence in re.split(r"(?<=[.:;])\s", path.read_text().lower()):
            claims = "anonym" in sentence and ("hash" in sentence or "tag" in sentence or "pseudonym" in sentence)
            assert not claims or " not " in sentence or "never" in sentence, f"{path}: {sentence[:120]}"


def commands(module: object) -> Iterator[str]:
    app = module.app  # type: ignore[attr-defined]
    for command in app.registered_commands:
        yield command.name or command.callback.__name__
    for group in app.registered_groups:
        for command in group.typer_instance.registered_commands:
            yield f"{group.name} {command.name or command.callback.__name__}"


@pytest.mark.parametrize(
    ("program", "module"), [("footfall-agent", agent_commands), ("footfall-cloud", cloud_commands)]
)
def test_every_command_is_documented(program: str, module: object) -> None:
    text = (ROOT / "docs/commands.md").read_text()
    for name in commands(module):
        assert f"{program} {name}" in text, f"docs/commands.md does not show '{program} {name}'"


def test_every_promise_of_the_readme_names_a_test_that_exists() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "README.md").read_text())
    assert named
    for file, function in named:
        assert (ROOT / file).is_file(), f"README.md names {file}, which is not there"
        assert not function or f"def {function}(" in (ROOT / file).read_text(), f"{file} has no {function}"


def test_documents_link_to_what_is_there() -> None:
    for path in TEXTS:
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path}: {target} is not there"


def test_the_samples_show_every_setting() -> None:
    from agent.config import Config as AgentConfig
    from cloud.config import Document

    for sample, kind in (("agent.toml", AgentConfig), ("cloud.toml", Document)):
        text = (ROOT / "firmware_config/samples" / sample).read_text()
        for field in msgspec.structs.fields(kind):
            assert field.encode_name in text, f"{sample} does not show {field.encode_name}"


PRIVATE = ("repr", "str", "format", "print", "hex")


@pytest.mark.parametrize("path", sorted((ROOT / "agent/core").glob("*.py")), ids=lambda path: path.name)
def test_the_core_formats_and_logs_nothing_off_the_air(path: Path) -> None:
    """No text is made of a payload, an address or a name: the only text forms are the redacted ones."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            names = {one.id for one in ast.walk(node) if isinstance(one, ast.Name)}
            attributes = {one.attr for one in ast.walk(node) if isinstance(one, ast.Attribute)}
            assert not attributes & {"address", "tag"}, f"{path.name}:{node.lineno}"
            assert not names & {"packet", "frame", "address", "sighting", "tag", "trace"}, f"{path.name}:{node.lineno}"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in PRIVATE, f"{path.name}:{node.lineno} calls {node.func.id}"
