"""Bring the documents of the repository's root into the site, and keep links right in both places.

On GitHub a link is a path in the repository. In the site the same link must lead to a page, or to
a copy of the file. What a document links to outside ``docs/`` is therefore added to the site under
the same name (README.md as index.md), and the links are rewritten while pages are built; mkdocs, in
its strict mode, then checks every one of them.
"""

import os
import re
from pathlib import Path, PurePosixPath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
DOCS = PurePosixPath("docs")
RENAMED = {"README.md": "index.md"}
LINK = re.compile(r"(\]\()([^)\s#]+)((?:#[^)\s]*)?\))")
# Two intervals side by side: a link to the site's Markdown, but not to GitHub's.
INTERVALS = re.compile(r"(?<=\d\]) \[(?=[-.\d])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the root's documents, and every other file outside ``docs/`` that a document links to."""
    waiting = ["README.md", *(f"docs/{file.src_uri}" for file in files.documentation_pages())]
    visited: set[str] = set()
    while waiting:
        source = waiting.pop()
        if source in visited:
            continue
        visited.add(source)
        if not _in_docs(source):
            files.append(
                File.generated(config, _in_site(source), abs_src_path=os.fspath(ROOT / source))
            )
        if source.endswith(".md"):
            text = (ROOT / source).read_text(encoding="utf-8")
            waiting += [target for target in linked(source, text) if not _in_docs(target)]
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Rewrite the links of a page from places in the repository to places in the site."""
    source = _source_of(page.file.src_uri)

    def rewrite(match: re.Match[str]) -> str:
        target = _target(source, match[2])
        if target is None:
            return match[0]
        here = PurePosixPath(page.file.src_uri).parent
        return match[1] + os.path.relpath(_in_site(target), here) + match[3]

    return INTERVALS.sub(r" \\[", LINK.sub(rewrite, markdown))


def linked(source: str, text: str) -> list[str]:
    """List the files of the repository that a document links to, as paths from its root."""
    targets = (_target(source, match[2]) for match in LINK.finditer(text))
    return [target for target in targets if target is not None]


def _target(source: str, link: str) -> str | None:
    """Find the repository's file behind a link; None for addresses and for what is not there."""
    if "://" in link or link.startswith("mailto:"):
        return None
    path = os.path.normpath((PurePosixPath(source).parent / link).as_posix())
    return path if (ROOT / path).is_file() else None


def _in_docs(source: str) -> bool:
    return PurePosixPath(source).is_relative_to(DOCS)


def _in_site(source: str) -> str:
    if _in_docs(source):
        return PurePosixPath(source).relative_to(DOCS).as_posix()
    return RENAMED.get(source, source)


def _source_of(in_site: str) -> str:
    """Find the repository's file that a page was made of."""
    for original, renamed in RENAMED.items():
        if in_site == renamed:
            return original
    return in_site if (ROOT / in_site).is_file() else f"docs/{in_site}"
