"""``mmemo serve``: a page that takes videos and shows a report on each.

    job, jobs          a recording and its state, all of them, and the limits
    storage            where their files are, under which names
    reading            one recording in, its page and files out
    task               what server and worker send each other
    worker             the process that reads, apart from the one that serves
    worker_process     starts it and hands it one recording after another
    uploads            writes files to disk as they arrive
    guard, access      check where a request comes from, and whether it has the token
    app                answers requests
    documentation      describes them, as OpenAPI and as a page
    server             socket, folder, start and stop

Only the worker loads torch and the extractors; the rest starts at once.
"""
