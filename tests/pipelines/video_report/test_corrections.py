"""Labels that a reader sets in the page: saved, read back by the commands, compared."""

import json
import shutil
from dataclasses import replace

import pytest
from made_report import EVIL, made_report

from mmemo.datasets.class_column import table_labels
from mmemo.datasets.source import read_source
from mmemo.datasets.table import read_table
from mmemo.labels import EMOTIONS
from pipelines.cli import main
from pipelines.evaluation.score import read_gold
from pipelines.video_report import Player, build_page

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed")

NAME = "=talk, 1.mp4"
NOTE = "@not sure"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    path = tmp_path_factory.mktemp("corrections") / "talk.html"
    report = replace(made_report(6), name=NAME)
    path.write_text(build_page(report, Player("none", "", "")), encoding="utf-8")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(path.as_uri())
        yield page
        browser.close()


@pytest.fixture(autouse=True)
def no_labels(page):
    page.evaluate("localStorage.clear()")
    page.reload()


def open_utterance(page, number):
    page.locator(".utterance").nth(number).locator(".time").click()


def own(page, number):
    return page.locator(".utterance .own").nth(number).text_content()


def pressed(page):
    return page.locator("#own-labels button[aria-pressed=true]").all_inner_texts()


def toggle(page, label):
    page.locator("#own-labels button", has_text=label).click()


def save(page, form, folder):
    with page.expect_download() as download:
        page.locator(f"#save-{form}").click()
    path = folder / f"mine.{form}"
    download.value.save_as(path)
    return path


def correct(page):
    """Set the labels of three utterances, one of them without an answer, and a note."""
    labels = {}
    for number, label in ((0, "fear"), (1, "happiness"), (4, "anger")):
        open_utterance(page, number)
        toggle(page, label)
        labels[number] = set(pressed(page))
    page.locator("#note").fill(NOTE)
    page.locator("#note").blur()
    return labels


def test_labels_are_set_confirmed_removed_and_undone_with_the_keyboard(page):
    predicted = list(made_report(6).predictions[2].labels)
    open_utterance(page, 2)
    assert page.locator("#save-csv").is_disabled()
    assert pressed(page) == predicted
    page.locator("#confirm").focus()
    page.keyboard.press("Enter")
    assert own(page, 2) == f"you: {', '.join(predicted)}"
    page.locator("#own-labels button", has_text="fear").focus()
    page.keyboard.press("Space")
    assert ("fear" in pressed(page)) != ("fear" in predicted)
    page.locator("#undo").click()
    assert pressed(page) == predicted
    page.locator("#clear").click()
    assert own(page, 2) == ""
    page.locator("#undo").click()
    page.reload()
    assert own(page, 2) == f"you: {', '.join(predicted)}"
    assert "1 of 6" in page.locator("#reviewed").inner_text()


def test_what_is_not_told_is_confirmed_as_no_emotion_only_by_that_name(page):
    open_utterance(page, 4)  # nothing of it could be read
    assert pressed(page) == []
    assert page.locator("#confirm").inner_text() == "No emotion"
    page.locator("#confirm").click()
    assert own(page, 4) == "you: no emotion"
    toggle(page, "fear")
    assert page.locator("#confirm").inner_text() == "Confirm"


@pytest.mark.parametrize(
    ("kept", "count"),
    [
        ("{", 0),
        ("3", 0),
        ("[[9, {}]]", 0),
        ('[[9, {"labels": ["fear"], "note": ""}]]', 0),
        ('[[1, {"labels": ["x"], "note": ""}]]', 0),
        ('[[1, {"labels": ["fear"], "note": 3}]]', 0),
        ('[[1, {"labels": ["fear"], "note": ""}]]', 1),
    ],
)
def test_what_the_browser_kept_is_taken_only_if_it_fits_the_page(page, kept, count):
    key = f"mmemo:{NAME}:{made_report(6).duration_s:g}:6"
    page.evaluate("([key, kept]) => localStorage.setItem(key, kept)", [key, kept])
    page.reload()
    assert page.locator("#reviewed").inner_text().startswith(f"{count} of 6")


@pytest.mark.parametrize("form", ["csv", "json"])
def test_saved_labels_are_read_as_truth(page, tmp_path, form, capsys):
    labels = correct(page)
    file = save(page, form, tmp_path)
    gold = read_gold(file)
    assert gold.ids == tuple(f"{NAME}[{number}]" for number in labels)
    for row, truth in zip(labels.values(), gold.truth, strict=True):
        assert {e for e, present in zip(EMOTIONS, truth, strict=True) if present} == row
    assert main(["agreement", str(file), "--json"]) == 0
    (result,) = json.loads(capsys.readouterr().out)
    assert result["raters"][1] == "model"
    assert result["utterances"] == 3
    # Of the label that was changed in one utterance of three, two answers are the same.
    assert result["equal"]["fear"] == pytest.approx(2 / 3, abs=1e-3)
    assert main(["score", str(file), "--gold", str(file), "--json"]) == 0


def test_saved_labels_are_a_data_set(page, tmp_path):
    labels = correct(page)
    file = save(page, "csv", tmp_path)
    clips = read_table(file, table_labels([file]))
    for (number, names), clip in zip(labels.items(), clips, strict=True):
        prediction = made_report(6).predictions[number]
        assert clip.id == f"{NAME}[{number}]"
        assert clip.split == "train"
        assert (clip.start, clip.end) == pytest.approx((prediction.start, prediction.end), abs=1e-3)
        assert {e for e, v in zip(EMOTIONS, clip.intensities, strict=True) if v} == names
    assert [word.text for word in clips[1].words] == " ".join(["well", EVIL, "&amp;"]).split()
    assert len(read_source(file).clips) == 3
    content = file.read_text(encoding="utf-8-sig")
    assert f"'{NAME}" in content
    assert f"'{NOTE}" in content


def write_labels(path, truths):
    clips = [{"id": f"v[{n}]", "truth": list(labels)} for n, labels in enumerate(truths)]
    path.write_text(json.dumps({"labels": list(EMOTIONS), "clips": clips}))
    return str(path)


def test_two_people_are_compared_about_what_both_labelled(tmp_path, capsys):
    one = write_labels(tmp_path / "one.json", [["anger"], ["fear"], [], ["anger"]])
    other = write_labels(tmp_path / "other.json", [["anger"], [], []])
    assert main(["agreement", one, other]) == 0
    out = capsys.readouterr().out
    assert "3 utterances" in out
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines()[2:]}
    assert rows["anger"] == ["1.00", "1.00"]
    assert rows["fear"] == ["0.00", "0.67"]
    assert rows["happiness"] == ["-", "1.00"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([{"v[0]": ["anger"]}], "expected labels of a second person"),
        ([{"v[0]": ["anger"]}, {"w[0]": ["anger"]}], "expected utterances of"),
        ([{"v[0]": ["anger"]}, []], "expected JSON with one object per clip"),
    ],
)
def test_what_cannot_be_compared_is_one_line(tmp_path, files, message, capsys):
    paths = [tmp_path / f"{number}.json" for number in range(len(files))]
    for path, content in zip(paths, files, strict=True):
        path.write_text(json.dumps(content))
    assert main(["agreement", *map(str, paths)]) == 1
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
