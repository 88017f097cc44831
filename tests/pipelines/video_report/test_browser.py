"""The page of one video in a real browser: jumps, keys, colours, sizes, and no requests."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
from made_report import EVIL, made_report
from media_files import write_media
from plain_clips import hum

from pipelines.video_report import Player, build_page, embed, link

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

UTTERANCES = 6
TIMES = {True: "\N{MULTIPLICATION SIGN}", False: "÷"}
DESK = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    def picture(time_s):
        return np.full((90, 160, 3), round(20 + 5 * time_s), np.uint8)

    folder = tmp_path_factory.mktemp("video_report")
    seconds = made_report(UTTERANCES).duration_s
    return write_media(folder / "talk.mp4", picture=picture, sound=hum, seconds=seconds, fps=10)


@pytest.fixture
def show(browser, recording, request):
    """Open a page; at the end, fail if it logged a message or requested anything."""
    contexts, complaints = [], []

    def shown(player=None, report=None, **more):
        path = recording.parent / f"{request.node.name.split('[')[0]}.html"
        player = embed(recording, recording.parent) if player is None else player
        path.write_text(build_page(report or made_report(UTTERANCES), player), encoding="utf-8")
        contexts.append(browser.new_context(**more))
        page = contexts[-1].new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("dialog", lambda dialog: complaints.append("dialog"))
        page.on(
            "request",
            lambda request: (
                None
                if request.url.startswith((path.parent.as_uri(), "data:", "blob:"))
                else complaints.append(request.url)
            ),
        )
        page.goto(path.as_uri())
        if player.kind != "none":
            until(page, "document.getElementById('player').readyState > 0")
        return page

    yield shown
    for context in contexts:
        context.close()
    assert complaints == []


def until(page, expression):
    """Wait until an expression is true; Playwright's own wait is forbidden by the page's policy."""
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {expression}")


def time_of(page):
    return page.evaluate("document.getElementById('player').currentTime")


def test_clicking_jumps_in_the_recording(show):
    page, report = show(), made_report(UTTERANCES)
    page.locator(".utterance").nth(3).locator(".time").click()
    assert time_of(page) == pytest.approx(report.predictions[3].start, abs=0.01)
    assert page.locator(".utterance.current").get_attribute("data-utterance") == "3"
    assert "Utterance 4 of 6" in page.locator("#now-title").inner_text()
    page.locator(".utterance").nth(2).locator(".word").nth(4).click()
    assert time_of(page) == pytest.approx(report.predictions[2].words[4].start, abs=0.01)
    assert page.locator(".word.on").inner_text() == report.predictions[2].words[4].text
    page.locator(".utterance-block").nth(5).click()
    assert page.locator(".utterance.current").get_attribute("data-utterance") == "5"
    middle = (report.predictions[5].start + report.predictions[5].end) / 2
    assert time_of(page) == pytest.approx(middle, abs=0.2)


def test_keys_go_from_utterance_to_utterance_and_word_to_word(show):
    page, report = show(), made_report(UTTERANCES)
    page.locator("#timeline").focus()
    reached = set()
    for _ in range(40):
        reached.add(page.evaluate("document.activeElement.className || document.activeElement.id"))
        page.keyboard.press("Tab")
    assert "utterance current" in reached
    page.locator(".utterance.current").focus()
    for key, expected in (("ArrowDown", 1), ("ArrowDown", 2), ("ArrowUp", 1), ("End", 5)):
        page.keyboard.press(key)
        focused = page.evaluate("document.activeElement.dataset.utterance")
        assert focused == str(expected)
        assert time_of(page) == pytest.approx(report.predictions[expected].start, abs=0.01)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert time_of(page) == pytest.approx(report.predictions[0].words[1].start, abs=0.01)
    page.keyboard.press("6")
    assert page.locator("#status").inner_text().startswith(report.predictions[0].words[1].text)
    assert page.locator("#label").input_value() == "5"
    assert page.locator("tr.chosen th").inner_text() == "fear"
    page.keyboard.press("Space")
    until(page, "!document.getElementById('player').paused")
    page.keyboard.press("Space")
    until(page, "document.getElementById('player').paused")
    # One utterance at a time is in the order of Tab.
    assert page.locator(".utterance[tabindex='0']").count() == 1


def test_playing_moves_the_mark(show):
    page = show()
    page.evaluate("document.getElementById('player').muted = true")
    page.locator(".utterance").nth(2).locator(".time").click()
    before = float(page.locator(".head").get_attribute("x1"))
    page.evaluate("document.getElementById('player').playbackRate = 8")
    page.keyboard.press("Tab")
    page.evaluate("document.getElementById('player').play()")
    until(page, "document.querySelector('.utterance.current').dataset.utterance > 2")
    assert float(page.locator(".head").get_attribute("x1")) > before


def test_words_are_coloured_by_their_effects(show):
    page, report = show(), made_report(UTTERANCES)
    for source in ("text", "audio"):
        page.locator("#source").select_option(source)
        page.locator("#label").select_option("2")
        effects = report.explanations[3].word_effects[source][2]
        for n, effect in enumerate(effects):
            word = page.locator(".utterance").nth(3).locator(".word").nth(n)
            assert ("for" if effect > 0 else "against") in word.get_attribute("class").split()
            assert word.get_attribute("title").startswith(f"anger: odds {TIMES[effect > 0]}")


def test_effects_of_words_voice_and_face_multiply_the_odds(show):
    page, report = show(), made_report(UTTERANCES)
    page.locator(".utterance").nth(2).locator(".time").click()
    assert page.locator(".moment th.effect").all_inner_texts() == ["words", "voice", "face"]
    for k, effects in enumerate(report.predictions[2].effects.values()):
        row = page.locator(".moment tbody tr").nth(k)
        shown = row.locator(".effect").all_inner_texts()
        for text, effect in zip(shown, effects.values(), strict=True):
            assert text[0] == TIMES[effect > 0 or text[1:] == "1.0"]
            assert float(text[1:]) == pytest.approx(np.exp(abs(effect)), abs=0.0501)


def test_words_are_shown_as_text(show):
    page = show()
    assert page.locator(".utterance").nth(1).locator(".word").nth(1).inner_text() == EVIL
    assert page.locator("img").count() == 0
    assert page.locator("script").count() == 2


def test_missing_modalities_are_named(show):
    page = show()
    page.locator(".utterance").nth(4).locator(".time").click()
    assert "nothing to read" in page.locator("#moment").inner_text()
    assert "voice not read: silence here" in page.locator("#moment").inner_text()
    assert page.locator("#moment table").count() == 0


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_no_width_makes_the_page_scroll_sideways(show, width):
    page = show(viewport={"width": width, "height": 800})
    page.locator(".utterance").nth(2).locator(".time").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    table = "document.querySelector('#moment table')"
    assert page.evaluate(f"{table}.offsetWidth <= {table}.parentElement.clientWidth")


def test_it_follows_the_colours_of_the_system_and_of_paper(show):
    page = show(color_scheme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(ground) == "rgb(20, 23, 27)"
    page.emulate_media(color_scheme="light")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    page.emulate_media(color_scheme="dark")
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.emulate_media(media="print")
    assert page.evaluate(ground) == "rgb(255, 255, 255)"
    assert page.evaluate("document.getElementById('numbers').open")


def test_a_recording_beside_the_page_is_played(show, recording):
    page = show(player=link(recording, recording.parent))
    page.locator(".utterance").nth(3).locator(".time").click()
    assert time_of(page) == pytest.approx(made_report(UTTERANCES).predictions[3].start, abs=0.01)


def test_without_a_recording_the_rest_works(show):
    page = show(player=Player("none", "", "No recording."))
    page.locator(".utterance").nth(3).locator(".time").click()
    assert page.locator(".utterance.current").get_attribute("data-utterance") == "3"
    page.locator(".utterance.current").focus()
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    assert page.locator(".utterance.current").get_attribute("data-utterance") == "4"


def test_a_recording_without_utterances_is_no_error(show):
    report = made_report(UTTERANCES)
    page = show(report=replace(report, predictions=[], explanations=[]))
    assert "no utterance" in page.locator("#moment").inner_text()
    page.locator("#timeline").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("End")


def test_the_face_is_drawn_frame_by_frame_with_a_legend_and_values_under_the_pointer(show):
    report = made_report(UTTERANCES)
    page = show(report=report, viewport=DESK)
    looks = list(report.tracks.expressions)
    assert page.locator(".expression-names > span + span").all_inner_texts() == looks
    lines = page.locator("path.expression")
    assert lines.count() == len(looks) == 7
    # The made-up face is away for two seconds, so that each line has two parts.
    assert all(lines.nth(n).get_attribute("d").count("M") == 2 for n in range(7))
    strokes = lines.evaluate_all("lines => lines.map(line => getComputedStyle(line).stroke)")
    assert len(set(strokes)) == 7
    step = 25
    strongest = max(looks, key=lambda look: report.tracks.expressions[look][step])
    surface = page.locator(".surface")
    surface.scroll_into_view_if_needed()
    box = surface.bounding_box()
    share = (step + 0.5) * report.tracks.step_s / report.duration_s
    page.mouse.move(box["x"] + share * box["width"], box["y"] + box["height"] / 2)
    value = report.tracks.expressions[strongest][step]
    assert page.locator(".readout").text_content().startswith(f"00:02 {strongest} {value:.2f}")
    away = (50 + 0.5) * report.tracks.step_s / report.duration_s
    page.mouse.move(box["x"] + away * box["width"], box["y"] + box["height"] / 2)
    assert page.locator(".readout").text_content() == "00:05 no face"
    page.mouse.move(box["x"], box["y"] - 40)
    assert page.locator(".readout").text_content() == ""


def test_a_silent_recording_shows_its_face(show):
    report = made_report(UTTERANCES)
    nothing = np.full(len(report.tracks.pitch_hz), np.nan)
    tracks = replace(report.tracks, pitch_hz=nothing, loudness_db=nothing)
    page = show(report=replace(report, tracks=tracks), viewport=DESK)
    assert page.locator("path.expression").count() == 7
    assert page.locator("#tracks button").all_inner_texts() == ["Face", "Action units"]
    assert page.locator("path.line.audio, path.area.audio").count() == 0


def test_a_model_without_expressions_has_no_such_lane(show):
    report = made_report(UTTERANCES)
    page = show(report=replace(report, tracks=replace(report.tracks, expressions={})))
    assert page.locator("path.expression, .expression-names, .surface").count() == 0
    assert page.locator("#tracks button").all_inner_texts() == ["Voice", "Action units"]


def in_view(page, selector):
    """Return whether the whole of an element is inside the window."""
    return page.evaluate(
        "s => { const box = document.querySelector(s).getBoundingClientRect();"
        " return box.top >= 0 && box.bottom <= innerHeight; }",
        selector,
    )


@pytest.mark.parametrize("viewport", [DESK, PHONE])
def test_player_and_timeline_stay_in_view_and_cover_nothing(show, viewport):
    page = show(report=made_report(UTTERANCES), viewport=viewport)
    page.locator(".utterance").last.scroll_into_view_if_needed()
    assert in_view(page, "#player")
    assert in_view(page, "#timeline")
    page.locator("#strongest button").first.focus()
    stage = "document.getElementById('stage').getBoundingClientRect().bottom"
    assert page.evaluate(f"document.activeElement.getBoundingClientRect().top >= {stage}")
    assert page.locator(".moment td.effect").first.is_visible()


def test_the_strongest_moments_and_the_summary_jump_there(show):
    page, report = show(viewport=DESK), made_report(UTTERANCES)
    probs = {
        (n, label): p.probs[label]
        for n, p in enumerate(report.predictions)
        for label in p.labels or ()
    }
    number, label = max(probs, key=probs.get)
    first = page.locator("#strongest button").first
    assert label in first.inner_text()
    first.click()
    assert time_of(page) == pytest.approx(report.predictions[number].start, abs=0.01)
    assert page.locator(".utterance.current").get_attribute("data-utterance") == str(number)
    button = page.locator(".summary button").first
    button.click()
    assert time_of(page) == pytest.approx(float(button.get_attribute("data-jump")), abs=0.01)


def test_utterances_are_filtered_by_emotion_and_by_reliability(show):
    report = made_report(UTTERANCES)
    predictions = list(report.predictions)
    predictions[3] = replace(predictions[3], reliability="likely")
    page = show(report=replace(report, predictions=predictions))
    for label in ("anger", "sadness"):
        page.locator("#shown").select_option(label)
        numbers = [n for n, p in enumerate(predictions) if label in (p.labels or ())]
        shown = page.locator(".utterance:visible")
        assert [int(item.get_attribute("data-utterance")) for item in shown.all()] == numbers
        assert page.locator("#shown-count").inner_text().startswith(f"{len(numbers)} of 6")
        assert page.locator(".utterance-block:not(.filtered)").count() == len(numbers)
        assert all(label in text for text in page.locator("#strongest strong").all_inner_texts())
    page.locator(".utterance[tabindex='0']").focus()  # one that is shown
    page.keyboard.press("End")
    assert page.evaluate("document.activeElement.dataset.utterance") == str(numbers[-1])
    page.locator("#shown").select_option("all")
    page.locator("#likely").check()
    assert page.locator(".utterance:visible").count() == 1
    page.locator("#shown").select_option("cannot tell")
    assert page.locator(".utterance:visible").count() == 0


def test_voice_and_action_units_fold_away(show):
    page = show(viewport=DESK)
    assert page.locator("path.audio, path.area.visual").count() == 0
    for name in ("Voice", "Action units"):
        page.locator("#tracks button", has_text=name).click()
    assert page.locator("path.line.audio, path.area.audio").count() == 2
    assert page.locator("path.area.visual").count() == 5
    page.locator("#tracks button", has_text="Voice").click()
    assert page.locator("path.audio").count() == 0


def test_a_channel_that_is_missing_has_words_and_no_column(show):
    report = made_report(UTTERANCES)
    page = show(report=replace(report, absent={"visual": "no picture"}))
    assert page.locator(".moment th.effect").all_inner_texts() == ["words", "voice"]
    assert "The face was not read: no picture." in page.locator("header").inner_text()


def test_the_first_picture_is_that_of_the_first_utterance(show):
    page, report = show(), made_report(UTTERANCES)
    until(page, "document.getElementById('player').currentTime > 0")
    assert time_of(page) == pytest.approx(report.predictions[0].start, abs=0.01)


def test_long_recordings_stay_legible(show):
    page = show(report=made_report(300), player=Player("none", "", ""), viewport=DESK)
    assert page.locator("#timeline .dot, #timeline .cut").count() == 0
    assert page.locator(".prob.strong").count() > 0
    page.locator("#zoom").select_option("60")
    assert page.locator("#timeline .dot").count() > 0


@pytest.mark.parametrize(("viewport", "scheme"), [(DESK, "dark"), (PHONE, "light")])
def test_axe_has_no_serious_complaint(show, viewport, scheme):
    axe = pytest.importorskip("axe_playwright_python.base", reason="axe is not installed")
    page = show(viewport=viewport, color_scheme=scheme)
    page.locator("#tracks button").last.click()
    for part in ("numbers", "help"):
        page.locator(f"#{part} summary").click()
    page.evaluate(axe.AXE_FILE_PATH.read_text(encoding="utf-8"))
    violations = page.evaluate("axe.run().then(results => results.violations)")
    serious = [
        (v["id"], [node["html"] for node in v["nodes"]])
        for v in violations
        if v["impact"] in ("serious", "critical")
    ]
    assert serious == []
