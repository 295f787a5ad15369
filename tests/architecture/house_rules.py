"""Rules that no off-the-shelf linter states, each a function from a tree of files to what breaks it.

Who of our own packages may import whom is not here: import-linter checks that, by the contracts in pyproject.toml.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

VAGUE_NAMES = frozenset({"util", "utils", "helper", "helpers", "common", "base", "manager", "managers", "misc"})
"""Names that say where code was put, not what it is."""

UNSTABLE = frozenset(
    {"asyncio", "concurrent", "http", "io", "logging", "multiprocessing", "os", "pathlib", "queue", "random", "secrets"}
    | {
        "select",
        "shutil",
        "signal",
        "socket",
        "sqlite3",
        "ssl",
        "subprocess",
        "tempfile",
        "threading",
        "time",
        "urllib",
    },
)
"""Parts of the standard library that know a clock, chance, a thread or the machine."""

CLOCKS = frozenset({"now", "today", "utcnow", "uuid1", "uuid4"})
"""Methods of `datetime`, `date` and `uuid` whose answer differs from call to call."""

DOUBLES = frozenset({"mock", "mocker", "MagicMock", "AsyncMock", "create_autospec"})
"""What stands in for a dependency from outside of the code that asked for it."""


def modules(tree: Path) -> Iterator[tuple[str, ast.Module]]:
    """Every Python file below `tree`, by its path relative to it."""
    for path in sorted(tree.rglob("*.py")):
        yield str(path.relative_to(tree)), ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(module: ast.Module) -> Iterator[tuple[int, str]]:
    """The line and the full name of every import, wherever in the module it stands."""
    for node in ast.walk(module):
        match node:
            case ast.Import(names=names):
                yield from ((node.lineno, alias.name) for alias in names)
            case ast.ImportFrom(module=str(name), names=names):
                yield from ((node.lineno, f"{name}.{alias.name}") for alias in names)


def names_say_what_lives_there(tree: Path) -> list[str]:
    """No module or package is called utils, helpers, common, base or manager, alone or as a word of its name."""
    found = []
    for path in sorted(tree.rglob("*")):
        if path.suffix == ".py" or path.is_dir():
            vague = VAGUE_NAMES.intersection(path.stem.split("_"))
            found += [f"{path.relative_to(tree)}: '{word}' says nothing" for word in sorted(vague)]
    return found


def domain_imports_the_standard_library_only(src: Path) -> list[str]:
    """The domain imports itself and the standard library; import-linter can only forbid packages it is told of."""
    return _imports_outside(src / "domain", {"domain"})


def application_imports_domain_and_msgspec_only(src: Path) -> list[str]:
    """The application imports itself, the domain, msgspec and the standard library."""
    return _imports_outside(src / "application", {"application", "domain", "msgspec"})


def _imports_outside(room: Path, allowed: set[str]) -> list[str]:
    known = allowed | sys.stdlib_module_names
    return [
        f"{room.name}/{path}:{line}: imports {name}"
        for path, module in modules(room)
        for line, name in imports(module)
        if name.partition(".")[0] not in known
    ]


def domain_is_pure(src: Path) -> list[str]:
    """The domain awaits nothing, reads no clock, rolls no dice and touches no machine: `at` and ids are arguments."""
    found = []
    for path, module in modules(src / "domain"):
        for line, name in imports(module):
            if name.partition(".")[0] in UNSTABLE:
                found.append(f"domain/{path}:{line}: imports {name}")
        for node in ast.walk(module):
            match node:
                case ast.AsyncFunctionDef() | ast.Await() | ast.AsyncFor() | ast.AsyncWith():
                    found.append(f"domain/{path}:{node.lineno}: is asynchronous")
                case ast.Call(func=ast.Attribute(attr=attr)) if attr in CLOCKS:
                    found.append(f"domain/{path}:{node.lineno}: asks {attr}()")
                case ast.Call(func=ast.Name(id="open" | "print" | "input" as called)):
                    found.append(f"domain/{path}:{node.lineno}: calls {called}()")
    return found


def doubles_are_adapters(tests: Path) -> list[str]:
    """No mock and no monkeypatched attribute: a test hands an adapter over. The environment may be patched."""
    found = []
    for path, module in modules(tests):
        for line, name in imports(module):
            if DOUBLES.intersection(name.split(".")):
                found.append(f"{path}:{line}: imports {name}")
        for node in ast.walk(module):
            match node:
                case ast.Call(
                    func=ast.Attribute(value=ast.Name(id="monkeypatch" | "mp"), attr="setattr" | "delattr" as attr)
                ):
                    found.append(f"{path}:{node.lineno}: monkeypatch.{attr}")
                case ast.arg(arg="mocker"):
                    found.append(f"{path}:{node.lineno}: asks for mocker")
                case ast.Name(id=name) if name in {"MagicMock", "AsyncMock"}:
                    found.append(f"{path}:{node.lineno}: uses {name}")
    return found


def nothing_is_left_for_later(src: Path) -> list[str]:
    """No TODO, FIXME, XXX or HACK: what is not done is not there, and what is planned stands in an issue."""
    return [
        f"{path.relative_to(src)}:{number}: {word}"
        for path in sorted(src.rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        for word in ("TODO", "FIXME", "XXX", "HACK")
        if word in line.replace(":", " ").replace("(", " ").replace("#", " ").split()
    ]


def a_handler_is_called_with_its_message(src: Path) -> list[str]:
    """A command module holds a `*Handler`; a handler has no bases and an `async __call__(self, message)`."""
    found = []
    for room in ("commands", "queries"):
        for path, module in modules(src / "application" / room):
            classes = [node for node in ast.walk(module) if isinstance(node, ast.ClassDef)]
            handlers = [each for each in classes if each.name.endswith("Handler")]
            if room == "commands" and not handlers and not path.endswith("__init__.py"):
                found.append(f"application/commands/{path}: has no handler")
            for handler in handlers:
                where = f"application/{room}/{path}:{handler.lineno}: {handler.name}"
                if handler.bases:
                    found.append(f"{where} inherits")
                if not any(_takes_one_message(each) for each in handler.body):
                    found.append(f"{where} has no async __call__ with one argument")
    return found


def _takes_one_message(node: ast.stmt) -> bool:
    match node:
        case ast.AsyncFunctionDef(name="__call__", args=ast.arguments(args=[_, _], kwonlyargs=[])):
            return True
        case _:
            return False
