"""The report of one video as one page of HTML, with the video and nothing to fetch.

report = read_report(checkpoint, media)      # measure, judge, ask what spoke for the answers
html = build_page(report, embed(media, ...)) # one string, ready to write or to serve
"""

from pipelines.video_report.content import VideoReport, read_report, report_on
from pipelines.video_report.page import build_page
from pipelines.video_report.player import Player, embed, link, player_of

__all__ = [
    "Player",
    "VideoReport",
    "build_page",
    "embed",
    "link",
    "player_of",
    "read_report",
    "report_on",
]
