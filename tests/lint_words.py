"""Check the house word list: ``python tests/lint_words.py [FILE ...]``; without files, everything.

A variable is named for the thing it holds, and prose uses the field's own phrases. The names and
phrases below made readers stumble; a finding prints as ``file:line: message`` and the exit code
is 1.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("mmemo", "extractors", "pipelines", "benchmarks", "examples", "docs", "tests")
PROSE = ("*.py", "*.md", "*.toml", "*.js", "*.html")

NAMES = {"held", "found", "wanted", "given", "nobody", "deaf", "spoke", "said", "told"}

PHRASES = {
    r"\banew\b": "again",
    r"\berred\b": "failed",
    r"\bevery so many\b": "every n-th",
    r"\bso many times\b": "a multiple of",
    r"\b(may|can) be had\b|\bis had\b|\bhad again\b": "is available, can be downloaded",
    r"\b(field|papers?|literature|hub) (has|have) it\b": "as the literature defines it",
    r"\bmodels? of ours\b": "our model",
    r"\bwhat spoke\b|\bspoke for\b": "modality shares, evidence for",
    r"\btells? (of|the|what|when|whether|which|how)\b": "return, say whether, show",
    r"\bis for `+[a-z_]+`+ to say\b": "is checked in",
    r"\bslip of the pen\b": "typo",
    r"\basked for news\b": "checked for updates",
    r"\bwhich these are says\b": "see",
    r"\b(rows?|values?|numbers?|box(es)?|arrays?|lines?|objects?|files?|process(es)?|columns?|"
    r"paragraph|entry|one|two|three) an? (picture|frame|clip|row|word|label|utterance|video|"
    r"token|line|column|person|segment|file|form|epoch|emotion|system|recording|modality|set|"
    r"split|side)\b": "per",
}
THESE_LISTS = {"tests/lint_words.py", "tests/test_lint_words.py"}


def findings(path: Path, text: str) -> Iterator[str]:
    """Yield a line for each forbidden name and phrase in a file."""
    place = path.as_posix()
    if path.suffix == ".py":
        tree = ast.parse(text, place)
        allowed = imported_from_hypothesis(tree)
        for line, name in sorted(names(tree)):
            if is_forbidden(name) and name not in allowed:
                yield f"{place}:{line}: the name {name!r} does not say what it holds"
    # A phrase may run over the end of a line.
    flat = re.sub(r"\n[ \t]*(#|//|>)?[ \t]*", lambda gap: " ".ljust(len(gap[0])), text)
    for pattern, better in PHRASES.items():
        spaced = pattern.replace(" ", r"\s+")
        for match in re.finditer(spaced, flat, flags=re.IGNORECASE):
            line = text.count("\n", 0, match.start()) + 1
            phrase = " ".join(match[0].split())
            yield f"{place}:{line}: instead of {phrase!r} write: {better}"


def is_forbidden(name: str) -> bool:
    """Return whether a name is on the list, with or without underscores around it."""
    bare = name.strip("_")
    return bare in NAMES or bare.split("_")[0] == "tell"


def names(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield line and name of everything that a program names."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.keyword(arg=str(name)):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.ClassDef(name=name):
                yield node.lineno, name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name


def imported_from_hypothesis(tree: ast.AST) -> set[str]:
    """Return the names that a program imports from hypothesis, whose decorator is ``given``."""
    return {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "hypothesis"
        for alias in node.names
    }


def files() -> list[Path]:
    """List the files to check: the folders, and the documents at the root."""
    inside = {path for folder in FOLDERS for kind in PROSE for path in (ROOT / folder).rglob(kind)}
    return sorted({*inside, *ROOT.glob("*.md"), ROOT / "Makefile", ROOT / "pyproject.toml"})


def main(arguments: list[str]) -> int:
    """Check the files and return the exit code."""
    paths = [Path(argument).resolve() for argument in arguments] or files()
    clean = True
    for path in paths:
        relative = path.relative_to(ROOT)
        if relative.as_posix() in THESE_LISTS:
            continue
        for finding in findings(relative, path.read_text(encoding="utf-8")):
            print(finding)
            clean = False
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
