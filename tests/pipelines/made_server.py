"""A real server in a thread, with or without a worker, and a client that uploads to it."""

import logging
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn

from pipelines.serving.access import Access
from pipelines.serving.app import create_app
from pipelines.serving.guard import Guard
from pipelines.serving.job import Limits
from pipelines.serving.jobs import Jobs
from pipelines.serving.prompt_protocol import PromptProtocol
from pipelines.serving.server import MOST_CONNECTIONS
from pipelines.serving.storage import REPORT_FILE, Storage
from pipelines.serving.task import Settings
from pipelines.serving.worker_process import Dispatcher, WorkerProcess

PATIENCE_S = 280.0


class MadeServer:
    """A running server and a client for it."""

    def __init__(self, url, jobs, dispatcher):
        self.url, self.jobs, self.dispatcher = url, jobs, dispatcher
        self.client = httpx.Client(base_url=url, timeout=60)

    def announce(self, name="talk.mp4", size=5, **more):
        return self.client.post("/api/recordings", json={"name": name, "size": size, **more})

    def upload(self, path, name=None, transcript=None):
        fields = {"transcript": transcript.name} if transcript else {}
        job_id = self.announce(name or path.name, path.stat().st_size, **fields).json()["id"]
        if transcript:
            put = f"/api/recordings/{job_id}/transcript"
            assert self.client.put(put, content=transcript.read_bytes()).status_code == 204
        answer = self.client.put(f"/api/recordings/{job_id}/media", content=path.read_bytes())
        assert answer.status_code == 204, answer.text
        return job_id

    def state(self, job_id):
        listed = self.client.get("/api/state").json()["recordings"]
        return next((job for job in listed if job["id"] == job_id), None)

    def until(self, job_id, condition):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            job = self.state(job_id)
            if condition(job):
                return job
            time.sleep(0.05)
        raise AssertionError(f"the condition never held: {job}")

    def ended(self, job_id):
        return self.until(job_id, lambda job: job["finished"] is not None)


@contextmanager
def made_server(
    folder: Path, run: Path | None = None, host="127.0.0.1", names=(), token=None, **limits
):
    """Serve, without a worker unless there is a ``run`` for it, and without a token."""
    folder.mkdir(exist_ok=True)
    storage = Storage(folder)
    jobs = Jobs(storage, Limits(**limits))
    dispatcher = None
    about = {"dataset": "made-up", "demonstration": True, "without": []}
    about |= {"local": True, "kept": False}
    if run is not None:
        worker = WorkerProcess(Settings(run, "threshold", "cpu", logging.INFO))
        dispatcher = Dispatcher(jobs, worker)
        worker.start()
        dispatcher.start()
        about |= worker.about
    app = create_app(jobs, about)
    app = Guard(app if token is None else Access(app, token), host, names)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            app,
            http=PromptProtocol,
            ws="none",
            lifespan="off",
            log_level="error",
            limit_concurrency=MOST_CONNECTIONS,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        made = MadeServer(f"http://127.0.0.1:{listening.getsockname()[1]}", jobs, dispatcher)
        try:
            yield made
        finally:
            made.client.close()
            server.should_exit = True
            thread.join(20)
            if dispatcher is not None:
                dispatcher.stop()


def finished(jobs, name="talk.mp4"):
    """Return a job as if a worker had read it."""
    job = jobs.create(name, 5)
    jobs.storage.media(job).write_bytes(b"12345")
    (jobs.storage.folder(job) / REPORT_FILE).write_text("report")
    jobs.enqueue(job)
    assert jobs.next_waiting(0) is job
    jobs.finish(job, "done", summary={"read": 1, "media_type": "video/mp4"})
    return job


def detail(answer):
    """Return the one line of a refusal."""
    assert set(answer.json()) == {"detail"}
    line = answer.json()["detail"]
    assert len(line.splitlines()) == 1
    return line
