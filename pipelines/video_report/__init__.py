"""The report of one video: a page of HTML with the video, which fetches nothing.

report = make_report(checkpoint, recording)  # predict, explain
html = build_page(report, embed(media, ...)) # one string, ready to write or to serve
"""

from pipelines.video_report.content import VideoReport, make_report
from pipelines.video_report.page import build_page
from pipelines.video_report.player import Player, embed, link, player_of

__all__ = [
    "Player",
    "VideoReport",
    "build_page",
    "embed",
    "link",
    "make_report",
    "player_of",
]
