"""Sources: what the program says to a log and where it writes, read from its own text.

1. A log event is a call of a logger's method, or words for standard error, which a service manager keeps as well. Its
   name is its template with the expressions that fill it: filling it with something else makes it another event.
2. A write is a call that can put bytes into a file or a name into a folder, known by what is called.
3. A path is a property of the sensor's settings that gives one.

The text is an argument, as module name to source; `shipped` reads the one that is installed.
"""

import ast
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import NamedTuple

_LEVELS = frozenset(("debug", "info", "warning", "warn", "error", "exception", "critical", "fatal"))
_PRINTERS = frozenset(("print", "typer.echo"))
_WRITERS = frozenset(("write_bytes", "write_text", "touch", "rename", "symlink_to", "hardlink_to"))
_FUNCTIONS = frozenset(
    f"{module}.{name}"
    for module, names in {
        "os": "open write replace rename link symlink mkfifo memfd_create truncate",
        "sqlite3": "connect",
        "shutil": "copy copy2 copyfile copytree move",
        "tempfile": "TemporaryFile NamedTemporaryFile SpooledTemporaryFile TemporaryDirectory mkstemp mkdtemp",
    }.items()
    for name in names.split()
) | {"create_engine", "disk.replace"}
_WRITING_MODES = frozenset("wax+")


class Found(NamedTuple):
    """Something in a module, by the name it has there."""

    module: str
    name: str


def shipped() -> dict[str, str]:
    """The source of every module of both programs."""
    return dict(module for package in ("agent", "cloud") for module in _modules(files(package), package))


def log_events(sources: Mapping[str, str]) -> list[Found]:
    """Every log event."""
    return _sorted(
        Found(module, _event(call))
        for module, text in sources.items()
        for _, call in _calls(ast.parse(text))
        if _logs(call)
    )


def writes(sources: Mapping[str, str]) -> list[Found]:
    """Every write, as "function: what is called"."""
    return _sorted(
        Found(module, f"{function}: {ast.unparse(call.func)}")
        for module, text in sources.items()
        for function, call in _calls(ast.parse(text))
        if _can_write(call)
    )


def paths(sources: Mapping[str, str], module: str = "agent.config") -> list[Found]:
    """Every path that settings give, as "folder/file"."""
    return _sorted(
        Found(module, _path(node.body[-1]))
        for node in ast.walk(ast.parse(sources[module]))
        if isinstance(node, ast.FunctionDef) and node.returns is not None and ast.unparse(node.returns) == "Path"
    )


def _modules(folder: Traversable, name: str) -> Iterator[tuple[str, str]]:
    for one in folder.iterdir():
        if one.is_dir():
            yield from _modules(one, f"{name}.{one.name}")
        elif one.name.endswith(".py"):
            yield f"{name}.{one.name[:-3]}".removesuffix(".__init__"), one.read_text(encoding="utf-8")


def _calls(tree: ast.AST, function: str = "module") -> Iterator[tuple[str, ast.Call]]:
    """Every call, with the qualified name of the function it stands in."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _calls(node, node.name if function == "module" else f"{function}.{node.name}")
            continue
        if isinstance(node, ast.Call):
            yield function, node
        yield from _calls(node, function)


def _logs(call: ast.Call) -> bool:
    called, name = call.func, _dotted(call.func)
    if isinstance(called, ast.Attribute) and (called.attr in _LEVELS or name.endswith("log.log")):
        return True
    given = {one.arg: ast.unparse(one.value) for one in call.keywords} if name in _PRINTERS else {}
    return name == "sys.stderr.write" or given.get("file") == "sys.stderr" or given.get("err") == "True"


def _dotted(node: ast.expr) -> str:
    """A name with its dots; "" for anything else that is called."""
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value)):
        return f"{before}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _event(call: ast.Call) -> str:
    words = [_words(one) for one in call.args]
    return f"{words[0]} ({', '.join(words[1:])})" if len(words) > 1 else "".join(words)


def _words(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ast.unparse(node)


def _can_write(call: ast.Call) -> bool:
    called, name = call.func, _dotted(call.func)
    if name in _FUNCTIONS or name == "open":
        return name != "open" or _for_writing(call, 1)
    if not isinstance(called, ast.Attribute):
        return False
    match called.attr:
        case "open":
            return _is_mode(call, 0) and _for_writing(call, 0)
        case "bind":  # a socket that is a file: bound to the text of a path
            return any(isinstance(one, ast.Call) and ast.unparse(one.func) == "str" for one in call.args)
        case "replace":  # of a path: of a text it takes two, of a record or a time none
            return len(call.args) == 1 and not call.keywords
        case _:
            return called.attr in _WRITERS


def _mode(call: ast.Call, position: int) -> ast.expr | None:
    given = [one.value for one in call.keywords if one.arg == "mode"]
    return given[0] if given else call.args[position] if len(call.args) > position else None


def _is_mode(call: ast.Call, position: int) -> bool:
    mode = _mode(call, position)
    return isinstance(mode, ast.Constant) and isinstance(mode.value, str)


def _for_writing(call: ast.Call, position: int) -> bool:
    """Whether a file is opened to be written, or may be: a mode that cannot be read counts."""
    mode = _mode(call, position)
    if mode is None:
        return False
    return not isinstance(mode, ast.Constant) or bool(_WRITING_MODES & set(str(mode.value)))


def _path(end: ast.stmt) -> str:
    """`return Path(self.folder) / "file"` as "folder/file"; anything else as it is written."""
    match end:
        case ast.Return(
            value=ast.BinOp(left=ast.Call(args=[ast.Attribute(attr=folder)]), right=ast.Constant(value=str(file)))
        ):
            return f"{folder}/{file}"
    return ast.unparse(end)


def _sorted(found: Iterator[Found]) -> list[Found]:
    return sorted(set(found))
