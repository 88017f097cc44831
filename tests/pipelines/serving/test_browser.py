"""The page for uploads in a real browser, with a real server and worker behind it."""

import json
import re
import shutil

import numpy as np
import pytest
from made_server import made_server
from media_files import write_media
from plain_clips import first_clip, hum

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
    pytest.mark.timeout(900),
]

PATIENCE_MS = 120_000


@pytest.fixture(scope="module")
def browser():
    playwright.expect.set_options(timeout=PATIENCE_MS)
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def server(small_run, tmp_path_factory):
    limits = {"upload_mb": 1, "queue": 4, "media_minutes": 0.5}
    with made_server(tmp_path_factory.mktemp("serve"), small_run, **limits) as made:
        yield made


@pytest.fixture
def idle(tmp_path):
    """A server that takes recordings and never reads them."""
    with made_server(tmp_path / "idle", upload_mb=1, queue=4) as made:
        yield made


@pytest.fixture(scope="module")
def clip(corpus):
    return first_clip(corpus)


@pytest.fixture
def show(browser, server):
    """Open the page; at the end, no errors and no requests to other sites may have occurred."""
    contexts, complaints = [], []

    def shown(at=None, expected=(), **more):
        url = (at or server).url
        contexts.append(browser.new_context(**more))
        page = contexts[-1].new_page()

        def complain(text):
            # A server of one test may be gone a moment before its page is.
            if not any(part in text for part in (*expected, "net::ERR_CONNECTION_REFUSED")):
                complaints.append(text)

        page.on("console", lambda message: complain(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request",
            lambda request: (
                None if request.url.startswith((url, "data:", "blob:")) else complain(request.url)
            ),
        )
        page.goto(url)
        playwright.expect(page.locator("#made-by")).to_contain_text("mmemo")
        return page

    yield shown
    for context in contexts:
        context.close()
    server.client.delete("/api/recordings")
    assert complaints == []


@pytest.fixture
def named(tmp_path):
    def written(name, content=b"x"):
        path = tmp_path / name
        path.write_bytes(content)
        return path

    return written


def row(page, name):
    return page.locator(".recording").filter(has=page.get_by_role("heading", name=name, exact=True))


def until(page, expression):
    for _ in range(400):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {expression}")


def test_from_upload_to_report_and_downloads(show, server, clip, tmp_path):
    page = show()
    announcements = []
    page.expose_function("heard", lambda line: announcements.append(line))
    page.evaluate(
        """() => {
             const region = document.getElementById("announcements");
             const observer = new MutationObserver(() => heard(region.textContent));
             observer.observe(region, { childList: true });
           }"""
    )
    # Observed in the page: on a quick machine a look from outside comes too late.
    page.evaluate(
        """() => new MutationObserver(() => {
             for (const step of document.querySelectorAll(".steps [aria-current=step]")) {
               window.steps = (window.steps || new Set()).add(step.textContent);
               window.stepsInAll = step.parentElement.children.length;
             }
           }).observe(document.getElementById("recordings"),
                      { childList: true, subtree: true, attributes: true })"""
    )
    page.locator("#files").set_input_files([clip, clip.with_suffix(".json")])
    card = row(page, clip.name)
    playwright.expect(card).to_have_class("recording done")
    playwright.expect(card.locator(".status")).to_contain_text(f"from {clip.stem}.json")
    playwright.expect(card.locator(".thumbnail img")).to_be_visible()
    steps = page.evaluate("[...window.steps]")
    assert page.evaluate("window.stepsInAll") == 7
    assert len(steps) >= 2
    assert {"Face", "Voice", "Words", "Emotions"} & set(steps)
    assert any(f"{clip.name}: " in line and "ing the" in line for line in announcements)
    assert any(f"{clip.name} is read" in line for line in announcements)
    assert "1 report" in page.title()

    card.get_by_text("Download").click()
    links = card.locator(".downloads a")
    assert links.count() == 9
    for n in range(links.count()):
        with page.expect_download() as download:
            links.nth(n).click()
        name = download.value.suggested_filename
        assert name.rsplit(".", 1)[0] == clip.stem
        download.value.save_as(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 0
    lines = (tmp_path / f"{clip.stem}.jsonl").read_text().splitlines()
    predictions = [json.loads(line) for line in lines]

    card.get_by_role("link", name=f"Open report on {clip.name}").click()
    until(page, "document.getElementById('player')?.readyState > 0")
    word = predictions[0]["words"][1]
    page.locator(".utterance").nth(0).locator(".word").nth(1).click()
    time = page.evaluate("document.getElementById('player').currentTime")
    assert time == pytest.approx(word["start"], abs=0.02)
    with page.expect_download() as download:
        page.get_by_role("link", name="ELAN").click()
    assert download.value.suggested_filename == f"{clip.stem}.eaf"
    page.get_by_role("link", name="All recordings").click()
    playwright.expect(row(page, clip.name)).to_have_class("recording done")


def test_the_downloaded_page_works_alone(show, browser, server, clip, tmp_path):
    job_id = server.upload(clip)
    assert server.ended(job_id)["state"] == "done"
    path = tmp_path / "alone.html"
    path.write_bytes(server.client.get(f"/recordings/{job_id}/files/html").content)
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(path.as_uri())
    until(page, "document.getElementById('player').readyState > 0")
    page.locator("#timeline").focus()
    page.keyboard.press("End")
    assert page.evaluate("document.getElementById('player').currentTime") > 0
    context.close()


def test_dropped_files_are_paired_and_refused_ones_are_named(show, idle, named):
    page = show(idle)
    page.evaluate(
        """() => {
          const carried = new DataTransfer();
          const add = (name, size) => carried.items.add(new File([new Uint8Array(size)], name));
          add("one.mp4", 5); add("One.VTT", 5); add("two.mov", 5); add("two.words.json", 5);
          add("three.srt", 5); add("large.mp4", 2e6); add("empty.mp4", 0);
          document.body.dispatchEvent(new DragEvent("drop",
            { bubbles: true, cancelable: true, dataTransfer: carried }));
        }"""
    )
    problems = page.locator("#problem-list li")
    playwright.expect(problems).to_have_count(3)
    text = page.locator("#problem-list").inner_text()
    assert "three.srt: a transcript; drop it together with its recording" in text
    assert "large.mp4: too large, 2 MB; at most 1 MB are taken." in text
    assert "empty.mp4: the file is empty." in text
    playwright.expect(page.locator(".recording.waiting")).to_have_count(2)
    transcripts = {job["name"]: job["transcript"] for job in idle.jobs.describe()}
    assert transcripts == {"one.mp4": "One.VTT", "two.mov": "two.words.json"}
    page.get_by_role("button", name="Dismiss").click()
    assert not page.locator("#problems").is_visible()
    assert page.evaluate("document.activeElement.id") == "choose"


def test_the_list_survives_a_reload_and_entries_can_be_cancelled_and_removed(show, idle, named):
    page = show(idle)
    page.locator("#files").set_input_files([named(f"{n}.mp4") for n in range(3)])
    playwright.expect(page.locator(".recording.waiting")).to_have_count(3)
    page.reload()
    playwright.expect(page.locator(".recording.waiting")).to_have_count(3)
    assert page.locator(".recording h3").all_inner_texts() == ["0.mp4", "1.mp4", "2.mp4"]
    status = row(page, "2.mp4").locator(".status")
    playwright.expect(status).to_have_text("waits for 2 recordings before it")
    cancel = page.get_by_role("button", name="Cancel 1.mp4")
    cancel.focus()
    page.keyboard.press("Enter")
    playwright.expect(row(page, "1.mp4")).to_have_class("recording cancelled")
    # The focus moves to the button that replaced it, wherever the entry moved.
    assert page.evaluate("document.activeElement.ariaLabel") == "Remove 1.mp4"
    playwright.expect(status).to_have_text("waits for 1 recording before it")
    page.keyboard.press("Enter")
    playwright.expect(page.locator(".recording")).to_have_count(2)
    assert page.evaluate("document.activeElement.tagName") == "BUTTON"


def test_a_full_queue_is_reported(show, idle, named):
    page = show(idle, expected=("429",))
    page.locator("#files").set_input_files([named(f"{n}.mp4") for n in range(5)])
    playwright.expect(page.locator("#problem-list li")).to_have_text(
        "4.mp4: the queue is full (4 recordings); try again later"
    )
    playwright.expect(page.locator(".recording.waiting")).to_have_count(4)


def test_an_unreadable_file_has_its_reason_and_the_next_is_read(show, server, clip, named):
    page = show()
    broken = named("<b>notes.mp4", b"this is no video" * 50)
    page.locator("#files").set_input_files([broken, clip])
    card = row(page, broken.name)
    playwright.expect(card).to_have_class("recording failed")
    playwright.expect(card.locator(".status")).to_contain_text("expected a video or sound file")
    assert page.locator(".recording b b").count() == 0
    playwright.expect(row(page, clip.name)).to_have_class("recording done")
    page.get_by_role("button", name="Remove all that have ended").click()
    playwright.expect(page.locator(".recording")).to_have_count(0)
    playwright.expect(page.locator("#none")).to_be_visible()


def test_nothing_to_read_is_its_own_state(show, tmp_path):
    def picture(time_s):
        return np.full((64, 64, 3), 99, np.uint8)

    path = tmp_path / "grey.mp4"
    write_media(path, picture=picture, sound=lambda times: 0 * times, seconds=1)
    page = show()
    page.locator("#files").set_input_files(path)
    card = row(page, "grey.mp4")
    playwright.expect(card).to_have_class("recording nothing")
    playwright.expect(card.locator(".status")).to_contain_text("nothing to read emotions from")


def test_a_recording_that_is_too_long_is_refused(show, tmp_path):
    path = write_media(tmp_path / "long.mp3", sound=hum, seconds=35, audio_codec="mp3")
    page = show()
    page.locator("#files").set_input_files(path)
    playwright.expect(row(page, "long.mp3").locator(".status")).to_have_text(
        "Not read: long.mp3: expected at most 0.5 minutes; it has 0.6"
    )


def test_an_unreachable_server_is_reported_until_it_is_back(show, idle):
    page = show(idle, expected=("net::ERR",))
    page.context.set_offline(True)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    playwright.expect(page.locator("#unreachable")).to_contain_text("does not answer")
    page.context.set_offline(False)
    playwright.expect(page.locator("#unreachable")).to_be_hidden()


def test_the_keyboard_is_enough(show, idle, named):
    page = show(idle)
    page.locator("#files").set_input_files([named("a.mp4")])
    playwright.expect(page.locator(".recording.waiting")).to_have_count(1)
    reached = []
    for _ in range(6):
        page.keyboard.press("Tab")
        reached.append(
            page.evaluate("document.activeElement.ariaLabel || document.activeElement.id")
        )
    assert reached[:2] == ["choose", "Cancel a.mp4"]
    with page.expect_file_chooser() as chooser:
        page.locator("#choose").press("Enter")
    assert chooser.value.is_multiple()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_no_width_makes_the_page_scroll_sideways(show, server, clip, width):
    server.ended(server.upload(clip, "a_name_without_any_place_to_break_it_" * 3 + ".mp4"))
    page = show(viewport={"width": width, "height": 800})
    page.locator(".recording summary").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(
    ("scheme", "ground"), [("dark", "rgb(20, 23, 27)"), ("light", "rgb(255, 255, 255)")]
)
def test_it_follows_the_colours_of_the_system(show, idle, scheme, ground):
    page = show(idle, color_scheme=scheme)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ground


def test_nothing_moves_with_reduced_motion(show, server, clip):
    page = show(reduced_motion="reduce")
    page.locator("#files").set_input_files(clip)
    playwright.expect(row(page, clip.name)).to_have_class(re.compile("running|done"))
    assert page.evaluate("document.getAnimations().length") == 0
    playwright.expect(row(page, clip.name)).to_have_class("recording done")


def test_the_printed_address_lets_in_and_the_bare_one_says_how(browser, tmp_path):
    with made_server(tmp_path / "jobs", token="token-of-a-test") as server:
        context = browser.new_context()
        page = context.new_page()
        page.goto(server.url)
        playwright.expect(page.locator(".notice")).to_contain_text("mmemo serve printed")
        page.goto(f"{server.url}/?token=token-of-a-test")
        playwright.expect(page.locator("#made-by")).to_contain_text("mmemo")
        assert page.url == f"{server.url}/"
        page.reload()
        playwright.expect(page.locator("#made-by")).to_contain_text("mmemo")
        context.close()
