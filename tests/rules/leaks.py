"""Leaks: constructs that make a copy or a text of what came off the air, found in the source by its syntax tree.

What came off the air goes by few names here (TAINTED), and the sensing packages are small enough to keep to them.
Found are: text made of it (f-string, %, format, str, repr, hex, decode, print, log, exception), copies of it (bytes,
list, join, tobytes, +), and keeping it (an attribute, a container). A place written over and over is no copy.
"""

import ast
from collections.abc import Iterator

TAINTED = {"packet", "frame", "payload", "address", "sighting", "sightings", "buffer", "_buffer", "_plain"}
SECRET = {"key", "count_key", "epoch_key", "tag", "trace", "visit", "drawn", "held"}
TEXT_CALLS = {"print", "repr", "str", "format", "hex", "ascii", "vars", "locals"}
TEXT_METHODS = {"hex", "decode", "format", "tobytes", "tolist", "isoformat"}
COPY_CALLS = {"bytes", "bytearray", "list", "tuple", "set", "frozenset", "dict", "deepcopy", "copy"}
LOG_METHODS = {"debug", "info", "warning", "error", "exception", "critical", "log", "write"}
KEEP_METHODS = {"append", "add", "extend", "put", "setdefault", "insert"}
COUNTED = {"len", "min", "max", "crc32", "range", "enumerate"}  # what these give is a number, not what they were given


def leaks(source: str) -> Iterator[str]:
    """One sentence per leak: the line and what it does."""
    for node in ast.walk(ast.parse(source)):
        for what in _found(node):
            yield f"line {getattr(node, 'lineno', 0)} {what}"


def _found(node: ast.AST) -> Iterator[str]:
    hidden = TAINTED | SECRET
    if isinstance(node, ast.FormattedValue) and _names(node.value) & hidden:
        yield "makes text of what came off the air"
    if isinstance(node, ast.BinOp):
        if isinstance(node.op, ast.Mod) and _text(node.left) and _names(node.right) & hidden:
            yield "makes text of what came off the air"
        if isinstance(node.op, ast.Add) and (_whole(node.left) or _whole(node.right)):
            yield "joins what came off the air into a copy"
    if isinstance(node, ast.Raise) and node.exc is not None and _names(node.exc) & hidden:
        yield "puts what came off the air into an exception"
    if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
        yield from _kept(node)
    if isinstance(node, ast.Call):
        yield from _called(node)


def _called(node: ast.Call) -> Iterator[str]:
    given = [*node.args, *(one.value for one in node.keywords)]
    tainted = any(_names(one) & (TAINTED | SECRET) for one in given)
    if isinstance(node.func, ast.Name):
        if node.func.id in TEXT_CALLS and (tainted or node.func.id in {"print", "locals", "vars"}):
            yield f"calls {node.func.id} on what came off the air"
        if node.func.id in COPY_CALLS and any(_whole(one) for one in given):
            yield f"copies what came off the air with {node.func.id}"
    if isinstance(node.func, ast.Attribute):
        yield from _method(node.func, given, tainted=tainted)


def _method(method: ast.Attribute, given: list[ast.expr], *, tainted: bool) -> Iterator[str]:
    name = method.attr
    filled = tainted and _text(method.value)  # "{}".format(...)
    if name in TEXT_METHODS and (filled or _names(method.value) & (TAINTED | SECRET)):
        yield f"makes text of what came off the air with {name}"
    if name in LOG_METHODS and tainted:
        yield "logs what came off the air"
    if name in KEEP_METHODS and any(_whole(one) for one in given):
        yield "keeps what came off the air in a container"
    if name == "join" and any(_names(one) & TAINTED for one in given):
        yield "joins what came off the air into a copy"


def _kept(node: ast.Assign | ast.AugAssign | ast.AnnAssign) -> Iterator[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    for target in targets:
        kept = isinstance(target, ast.Attribute) or (
            isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice)
        )
        if kept and node.value is not None and _whole(node.value):
            yield "keeps what came off the air beyond the call"


def _whole(node: ast.expr) -> bool:
    """Whether an expression is what came off the air, or a slice of it; a single byte or a number is not."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Slice) and _whole(node.value)
    if isinstance(node, ast.Attribute):
        return node.attr in TAINTED
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "memoryview":
        return any(_whole(one) for one in node.args)
    return isinstance(node, ast.Name) and node.id in TAINTED


def _names(node: ast.AST) -> set[str]:
    """Names and attributes in an expression, but for what goes into a function that only counts or checks."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in COUNTED:
        return set()
    if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
        return _names(node.value) | _names(node.slice)
    own = {node.id} if isinstance(node, ast.Name) else {node.attr} if isinstance(node, ast.Attribute) else set()
    return own.union(*(_names(child) for child in ast.iter_child_nodes(node)))


def _text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
