"""The leaderboard is rendered from its data, and the data agree with their own arithmetic."""

import tomllib

from benchmarks import leaderboard
from pipelines.evaluation.published import check_published, read_published


def test_the_page_is_up_to_date():
    assert leaderboard.PAGE.read_text(encoding="utf-8") == leaderboard.render(), (
        "run `python -m benchmarks.leaderboard`"
    )


def test_every_row_says_where_it_comes_from():
    leaderboard_data = tomllib.loads(leaderboard.DATA.read_text(encoding="utf-8"))
    for row in leaderboard_data["system"]:
        assert row["source"] in leaderboard_data["sources"], row["name"]
        assert row["group"] in leaderboard.GROUPS, row["name"]
        assert row["selection"], row["name"]
        scores = [key for key in leaderboard.COLUMNS if key in row]
        assert bool(scores) != (row.get("seen") is False), row["name"]
    keys = [(row["name"], row["setting"]) for row in leaderboard_data["system"]]
    assert len(keys) == len(set(keys))


def test_known_errors_are_found_and_constants_raise_none():
    findings = {
        finding.system: finding for finding in check_published(read_published(leaderboard.DATA))
    }
    for setting in ("aligned", "unaligned"):
        first = findings[f"MESGN ({setting})"].repairs[0]
        assert first.figure == "hamming_loss"
        assert first.digits > 20
    for run in ("first", "second"):
        explained = findings[f"CARAT, {run} user's run (aligned)"].explanations
        assert leaderboard.SWAPPED in explained
    for name, finding in findings.items():
        if "no clip is looked at" in name or name.startswith("UniVA"):
            assert finding.complaints == (), name
