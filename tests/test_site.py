"""The documentation site builds without warnings, needs no network, and has no dead link."""

import importlib.util
import os
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
PARTS = (*(f"reference/{room}" for room in ("mmemo", "extractors", "pipelines")), "guides")
LOADING_LINKS = {"stylesheet", "icon", "preconnect", "preload", "prefetch", "dns-prefetch"}

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("mkdocs") is None, reason="mkdocs is not installed"
)


class Page(HTMLParser):
    """What a page fetches by itself, where its links lead, and what can be linked to."""

    def __init__(self, path):
        super().__init__()
        self.fetched, self.links, self.anchors = [], [], set()
        self.names = []
        self._bold = False
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        self.anchors.update(filter(None, (attributes.get("id"), attributes.get("name"))))
        if tag == "a" and attributes.get("href"):
            self.links.append(attributes["href"])
        elif tag == "link" and LOADING_LINKS & set((attributes.get("rel") or "").split()):
            self.fetched.append(attributes["href"])
        elif tag in ("script", "img", "iframe", "source", "video", "audio", "embed"):
            self.fetched += filter(None, (attributes.get("src"), attributes.get("srcset")))
        self._bold = tag == "b"

    def handle_data(self, data):
        if self._bold:
            self.names.append(data)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the site as `make docs` does; strict: a warning is an error."""
    out = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    return out


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path) for path in sorted(site.rglob("*.html"))}


def test_the_parts_are_there(site, pages):
    for part in PARTS:
        assert any(path.is_relative_to(site / part) for path in pages), part
    options = (site / "reference/options.html").read_text()
    assert "modality_dropout" in options
    assert "--decoder" in (site / "reference/commands.html").read_text()


def test_no_page_fetches_anything_from_elsewhere(site, pages):
    for path, page in pages.items():
        for address in page.fetched:
            parts = urlsplit(address)
            assert not parts.scheme or parts.scheme == "data", (path, address)
            assert not parts.netloc, (path, address)
    for path in site.rglob("*.css"):
        text = path.read_text(encoding="utf-8")
        assert "url(http" not in text.replace('"', "").replace("'", ""), path
        assert "url(//" not in text.replace('"', "").replace("'", ""), path
        assert "@import" not in text, path


def test_every_link_of_the_site_leads_somewhere(site, pages):
    for path, page in pages.items():
        if path.name == "404.html":  # its links count from the server's root
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme:
                assert parts.scheme in ("http", "https", "mailto"), (path, link)
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            assert target.is_relative_to(site.resolve()), (path, link)
            target = target / "index.html" if target.is_dir() else target
            assert target.is_file(), (path, link)
            if parts.fragment and target in pages:
                assert unquote(parts.fragment) in pages[target].anchors, (path, link)


def test_docstrings_name_one_thing_a_line(pages):
    """``low, high: ...`` would be read as one name with a comma."""
    assert [name for page in pages.values() for name in page.names if name.endswith(",")] == []


@pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")
def test_a_browser_reads_and_searches_it_from_the_disk(site):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    requests, complaints = [], []
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for name in ("index.html", "guides/researcher.html", "reference/mmemo/explain.html"):
            page.goto((site / name).as_uri())
            assert page.locator("h1").count() == 1
        page.locator(".md-search__input").first.fill("jackknife")
        page.locator(".md-search-result__link").first.click(timeout=150_000)
        page.wait_for_url(lambda url: "explain" not in url)
        assert "jackknife" in page.locator("article").inner_text().lower()
        browser.close()
    assert [
        url for url in requests if not url.startswith(("file:", "data:", "blob:", "about:"))
    ] == []
    assert complaints == []
