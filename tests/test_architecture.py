"""The one-way street: mmemo <- extractors <- pipelines, floor on floor, and no code out of data.

Every import is walked, also those inside functions and under ``TYPE_CHECKING``: an import that is
hidden in a function turns the street around just as well.
"""

import ast
import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("mmemo", "extractors", "pipelines")

FLOORS = {
    0: {
        "errors",
        "files",
        "input_files",
        "csv_cells",
        "disk",
        "arrays",
        "labels",
        "config",
        "data_frames",
    },
    1: {
        "features",
        "prediction",
        "api",
        "assets",
        "untrusted",
    },
    2: {"store", "datasets", "csd"},
    3: {"batching"},
    4: {"model", "decisions", "metrics", "inference", "explain"},
    5: {"checkpoint"},
}
"""What is inside mmemo, from the ground up; a new module has to be given its place here."""
FLOOR_OF = {name: floor for floor, names in FLOORS.items() for name in names}
FIRST_FLOOR_WITH_TORCH = 3
LAST_FLOOR_FOR_EXTRACTORS = 1

ONLY_WAY_UP = ("mmemo.api", "pipelines.api")
"""``mmemo.load`` imports its reader when it is called; nothing else in mmemo looks up."""

UNSAFE_MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}


def sources(root: Path) -> list[Path]:
    return sorted(path for package in PACKAGES for path in (root / package).rglob("*.py"))


def module_of(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def exists(module: str, root: Path) -> bool:
    place = root.joinpath(*module.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file()


def imports(path: Path, root: Path) -> Iterator[tuple[str, int]]:
    """Yield what a file imports, wherever in it, with the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                here = module_of(path, root).split(".")
                here = here if path.name == "__init__.py" else here[:-1]
                above = here[: len(here) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            for alias in node.names:
                inner = f"{base}.{alias.name}"
                yield inner if exists(inner, root) else base, node.lineno
        elif (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) in ("importlib.import_module", "import_module", "__import__")
            and node.args
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value), node.lineno


def floor_of(module: str) -> int | None:
    """Return the floor of a module of mmemo; the package itself is on the first."""
    parts = module.split(".")
    return 1 if len(parts) == 1 else FLOOR_OF.get(parts[1])


def complaint(importer: str, imported: str) -> str | None:
    """Return why an import is forbidden, or None if it is allowed."""
    here, there = importer.split(".")[0], imported.split(".")[0]
    if (importer, imported) == ONLY_WAY_UP:
        return None
    if there in PACKAGES and PACKAGES.index(there) > PACKAGES.index(here):
        return f"{here} may not know {there}"
    if there == "torch":
        if here == "extractors":
            return "extractors do without torch"
        if here == "mmemo" and (floor_of(importer) or 0) < FIRST_FLOOR_WITH_TORCH:
            return "torch begins on floor 3"
    if there != "mmemo":
        return None
    target = floor_of(imported)
    if target is None:
        return f"{imported} has no floor: add it to FLOORS"
    if here == "extractors" and target > LAST_FLOOR_FOR_EXTRACTORS:
        return f"extractors may use floors 0 and 1 of mmemo; this is on {target}"
    if here == "mmemo":
        own = floor_of(importer)
        if own is None:
            return f"{importer} has no floor: add it to FLOORS"
        if target > own:
            return f"floor {own} may not look up to floor {target}"
    return None


def violations(root: Path) -> list[str]:
    messages = []
    for path in sources(root):
        importer = module_of(path, root)
        for imported, line in imports(path, root):
            wrong = complaint(importer, imported)
            if wrong is not None:
                place = path.relative_to(root).as_posix()
                messages.append(f"{place}:{line} imports {imported}: {wrong}")
    return messages


def cycles(root: Path) -> list[str]:
    """Find modules that import each other, directly or in a round."""
    graph: dict[str, set[str]] = {}
    for path in sources(root):
        name = module_of(path, root)
        ours = {target for target, _ in imports(path, root) if target.split(".")[0] in PACKAGES}
        graph[name] = {t for t in ours - {name} if (name, t) != ONLY_WAY_UP}
    done: set[str] = set()
    rounds: list[str] = []

    def visit(name: str, way: tuple[str, ...]) -> None:
        if name in way:
            rounds.append(" -> ".join((*way[way.index(name) :], name)))
        elif name not in done:
            for target in sorted(graph.get(name, ())):
                visit(target, (*way, name))
            done.add(name)

    for name in sorted(graph):
        visit(name, ())
    return rounds


def unsafe_calls(root: Path) -> list[str]:
    """Find what runs code that came with data, or hands a line to a shell."""
    messages = []
    for path in sources(root):
        place = path.relative_to(root).as_posix()
        for name, line in imports(path, root):
            if name.split(".")[0] in UNSAFE_MODULES:
                messages.append(f"{place}:{line} imports {name}")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            called = ast.unparse(node.func)
            if called in ("eval", "exec", "torch.load", "os.system", "os.popen"):
                messages.append(f"{place}:{node.lineno} calls {called}")
            for keyword in node.keywords:
                value = ast.unparse(keyword.value)
                if (keyword.arg in ("allow_pickle", "shell") and value != "False") or (
                    keyword.arg == "weights_only" and value != "True"
                ):
                    messages.append(f"{place}:{node.lineno} passes {keyword.arg}={value}")
    return messages


def telemetry(root: Path) -> list[str]:
    """Find imports of libraries that report to their makers unless they are told not to."""
    return [
        f"{path.relative_to(root).as_posix()}:{line} imports {name}"
        for path in sources(root)
        if path.relative_to(root).as_posix() != "extractors/whisper_library.py"
        for name, line in imports(path, root)
        if name.split(".")[0] in ("faster_whisper", "onnxruntime")
    ]


def plant(root: Path, file: str, text: str) -> None:
    """Make a small tree of the three packages with one more file in it."""
    for package in PACKAGES:
        (root / package).mkdir()
        (root / package / "__init__.py").touch()
    for name in FLOOR_OF:
        (root / "mmemo" / f"{name}.py").touch()
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(text)


def test_imports_go_one_way() -> None:
    assert violations(ROOT) == []


def test_the_way_up_is_imported_when_it_is_used() -> None:
    source, target = ONLY_WAY_UP
    tree = ast.parse((ROOT / source.replace(".", "/")).with_suffix(".py").read_text())
    eager = [node.module for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert target not in eager
    lazy = [
        node.module
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.ImportFrom)
    ]
    assert lazy == [target]


def test_no_module_imports_itself_in_a_round() -> None:
    assert cycles(ROOT) == []


def test_no_data_is_run_as_code() -> None:
    assert unsafe_calls(ROOT) == []


def test_the_three_packages_lie_side_by_side() -> None:
    """Another distribution that brings a package of the same name would hide one of ours."""
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.origin is not None
        assert Path(spec.origin).resolve() == ROOT / package / "__init__.py"
        assert len([path for path in sources(ROOT) if package in path.parts]) > 1


def test_extractors_and_mmemo_load_without_torch_and_leave_no_trace(tmp_path: Path) -> None:
    modules = [
        module_of(path, ROOT) for path in sources(ROOT) if path.is_relative_to(ROOT / "extractors")
    ]
    modules = ["mmemo", *(name for name in modules if not name.endswith("__main__"))]
    program = (
        "import importlib, os, sys\n"
        "import cv2  # which sets LD_LIBRARY_PATH itself\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "before = dict(os.environ)\n"
        f"for name in {modules!r}: importlib.import_module(name)\n"
        "assert 'torch' not in sys.modules, 'torch was loaded'\n"
        "assert dict(os.environ) == before, 'the environment was changed'\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert (done.stdout, list(tmp_path.iterdir())) == ("", [])


def test_onnxruntime_loads_only_with_its_telemetry_off(tmp_path: Path) -> None:
    assert telemetry(ROOT) == []
    plant(tmp_path, "extractors/text.py", "def f():\n    from faster_whisper.vad import x\n")
    assert len(telemetry(tmp_path)) == 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("mmemo/store.py", "def f():\n    from extractors import base\n"),
        ("mmemo/features.py", "if TYPE_CHECKING:\n    import pipelines.training.train\n"),
        ("mmemo/api.py", "def f():\n    from pipelines import cli\n"),
        ("mmemo/features.py", "def f():\n    from pipelines.api import EmotionReader\n"),
        ("extractors/media.py", "def f():\n    import torch\n"),
        ("extractors/media.py", "from torch import nn\n"),
        ("extractors/media.py", "from mmemo import batching\n"),
        ("extractors/media.py", "from mmemo.datasets.clips import Clip\n"),
        ("extractors/deep/text.py", "from pipelines import train\n"),
        ("extractors/text.py", "import importlib\nimportlib.import_module('pipelines.train')\n"),
        ("mmemo/errors.py", "from . import features\n"),
        ("mmemo/batching.py", "from .model import encoder\n"),
        ("mmemo/csd.py", "import torch\n"),
        ("mmemo/labels.py", "import mmemo\n"),
        ("mmemo/nowhere.py", "from mmemo import errors\n"),
        ("pipelines/training/train.py", "from mmemo.nowhere import x\n"),
    ],
)
def test_a_planted_violation_is_found(tmp_path: Path, file: str, text: str) -> None:
    plant(tmp_path, file, text)
    [violation] = violations(tmp_path)
    assert violation.startswith(file)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("mmemo/model.py", "import torch\nfrom mmemo import batching, labels\n"),
        ("mmemo/api.py", "def f():\n    from pipelines.api import EmotionReader\n"),
        ("extractors/media.py", "from mmemo.features import Word\nimport numpy, torchaudio\n"),
        ("pipelines/training/train.py", "import torch, extractors\nfrom mmemo import checkpoint\n"),
        ("extractors/deep/text.py", "from ..base import x\nfrom . import y\n"),
    ],
)
def test_what_is_allowed_is_let_through(tmp_path: Path, file: str, text: str) -> None:
    plant(tmp_path, file, text)
    assert violations(tmp_path) == []


def test_a_planted_round_is_found(tmp_path: Path) -> None:
    plant(tmp_path, "mmemo/store.py", "def f():\n    from mmemo import datasets\n")
    (tmp_path / "mmemo" / "datasets.py").write_text("from mmemo.store import x\n")
    [cycle] = cycles(tmp_path)
    assert set(cycle.split(" -> ")) == {"mmemo.store", "mmemo.datasets"}


@pytest.mark.parametrize(
    "text",
    [
        "import pickle\n",
        "def f():\n    from pickle import loads\n",
        "import numpy as np\nnp.load('x', allow_pickle=True)\n",
        "import torch\ntorch.load('x')\n",
        "read('x', weights_only=False)\n",
        "eval('1')\n",
        "exec('1')\n",
        "subprocess.run('ls', shell=True)\n",
    ],
)
def test_planted_code_out_of_data_is_found(tmp_path: Path, text: str) -> None:
    plant(tmp_path, "pipelines/load.py", text)
    assert len(unsafe_calls(tmp_path)) == 1


def test_a_model_may_be_put_into_eval_mode(tmp_path: Path) -> None:
    plant(tmp_path, "pipelines/load.py", "model.eval()\nnp.load('x', allow_pickle=False)\n")
    assert unsafe_calls(tmp_path) == []
