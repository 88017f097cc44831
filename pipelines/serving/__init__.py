"""``mmemo serve``: the page about a video for whoever drops one into a browser.

    limits, names      what is taken on, what it is called
    jobs, storage      which recordings there are, where their files lie
    reading            one recording in, its page and files out
    worker             the process that reads, apart from the one that serves
    dispatch           hands the worker one recording after another
    guard, app         who may ask, and what is answered
    server             socket, folder, start and stop

Only the worker loads torch and the extractors; the rest starts at once.
"""
