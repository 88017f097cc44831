"""The report of an evaluation as one page of HTML, with pictures and nothing to fetch."""
