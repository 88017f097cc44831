"""The leaderboard is made of its data, and the data are checked by their own arithmetic."""

import tomllib

from benchmarks import leaderboard
from pipelines.evaluation.published import check_published, read_published


def test_the_page_is_up_to_date():
    assert leaderboard.PAGE.read_text(encoding="utf-8") == leaderboard.render(), (
        "run `python -m benchmarks.leaderboard`"
    )


def test_every_row_says_where_it_comes_from():
    held = tomllib.loads(leaderboard.DATA.read_text(encoding="utf-8"))
    for row in held["system"]:
        assert row["source"] in held["sources"], row["name"]
        assert row["group"] in leaderboard.GROUPS, row["name"]
        assert row["selection"], row["name"]
        scores = [key for key in leaderboard.COLUMNS if key in row]
        assert bool(scores) != (row.get("seen") is False), row["name"]
    keys = [(row["name"], row["setting"]) for row in held["system"]]
    assert len(keys) == len(set(keys))


def test_what_is_known_to_be_wrong_is_found_and_nothing_of_the_constants():
    found = {f.system: f for f in check_published(read_published(leaderboard.DATA))}
    for setting in ("aligned", "unaligned"):
        first = found[f"MESGN ({setting})"].repairs[0]
        assert first.figure == "hamming_loss"
        assert first.digits > 20
    for run in ("first", "second"):
        explained = found[f"CARAT, {run} user's run (aligned)"].explanations
        assert leaderboard.SWAPPED in explained
    for name, finding in found.items():
        if "no clip is looked at" in name or name.startswith("UniVA"):
            assert finding.complaints == (), name
