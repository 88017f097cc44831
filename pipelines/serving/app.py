"""The HTTP interface: the page, its state as JSON, uploads, results.

    GET    /                          the page; /assets/NAME its style and script
    GET    /api/state                 model, limits and all recordings
    POST   /api/recordings            announce one: {"name", "size", "transcript"}
    PUT    /api/recordings/ID/transcript, then /api/recordings/ID/media     their bytes
    POST   /api/recordings/ID/cancel
    DELETE /api/recordings/ID, or /api/recordings for all finished ones
    GET    /recordings/ID/report      its report; .../recording the media that it plays,
                                      .../thumbnail a thumbnail
    GET    /recordings/ID/files/FORM  a file for download
    GET    /api                       this list as a page; /api/openapi.json as OpenAPI

Errors are ``{"detail": "one line"}``.
"""

from collections.abc import Mapping
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import FileResponse, JSONResponse
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from extractors.text.transcripts import SUFFIXES
from extractors.text.transcripts.encoding import LARGEST_BYTES
from mmemo import __version__
from mmemo.datasets.clips import MEDIA_SUFFIXES
from mmemo.prediction import DEMONSTRATION_WARNING, EXPRESSED_NOTE
from pipelines.serving.documentation import BYTES_BODY, add_documentation, json_body
from pipelines.serving.guard import PAGE_POLICY, RefusalError
from pipelines.serving.job import MEGABYTE, STAGES, Job
from pipelines.serving.jobs import Jobs
from pipelines.serving.storage import FORM_NAMES, REPORT_FILE, file_of, stem
from pipelines.serving.uploads import UploadStoppedError, receive_bytes, receive_file

PAGE = "index.html"
NOTES = {b"<!--demonstration-->": DEMONSTRATION_WARNING, b"<!--expressed-->": EXPRESSED_NOTE}
"""Mark in the page -> the text that takes its place, as in a report."""
ASSET_TYPES = {".css": "text/css", ".js": "text/javascript", ".html": "text/html"}
LARGEST_BODY = 16_384
REPORT_POLICY = "frame-ancestors 'none'"
"""A header only: a page's own policy cannot contain it."""


class Announced(BaseModel):
    """The announcement of an upload."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(max_length=2000)
    size: int
    transcript: str | None = Field(default=None, max_length=2000)


class Refused(BaseModel):
    """The answer to a request that is refused."""

    detail: str = Field(description="the reason, one line")


def create_app(jobs: Jobs, about: Mapping[str, Any]) -> FastAPI:
    """Build the application, without its guard.

    Args:
        jobs: the recordings.
        about: description of the model and the server for the page.
    """
    app = FastAPI(
        title="mmemo serve",
        version=__version__,
        description=(
            "Announce a recording, send its bytes, read the state until it is done, get its files. "
            "Every request carries the header Authorization: Bearer TOKEN."
        ),
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        responses={"4XX": {"model": Refused, "description": "refused"}},
    )
    _answer_errors(app)
    _serve_page(app, jobs, about)
    _take_uploads(app, jobs)
    _change_list(app, jobs)
    _serve_results(app, jobs)
    add_documentation(app)
    return app


def _answer_errors(app: FastAPI) -> None:
    @app.exception_handler(RefusalError)
    async def refused(request: Request, error: RefusalError) -> Response:
        return JSONResponse({"detail": str(error)}, error.status)

    @app.exception_handler(HTTPException)
    async def unknown(request: Request, error: HTTPException) -> Response:
        return JSONResponse({"detail": str(error.detail)}, error.status_code, error.headers)


def _serve_page(app: FastAPI, jobs: Jobs, about: Mapping[str, Any]) -> None:
    assets = _assets()

    @app.get("/", include_in_schema=False)
    def page() -> Response:
        policy = {"content-security-policy": PAGE_POLICY}
        return Response(assets[PAGE], media_type=ASSET_TYPES[".html"], headers=policy)

    @app.get("/assets/{name}", include_in_schema=False)
    def asset(name: str) -> Response:
        if name not in assets or name == PAGE:
            raise HTTPException(404)
        return Response(assets[name], media_type=ASSET_TYPES[Path(name).suffix])

    @app.get("/api/state")
    def state() -> dict[str, Any]:
        """Return the model, the limits, and all recordings with their states."""
        return {
            "version": __version__,
            "about": dict(about),
            "limits": asdict(jobs.limits),
            "stages": STAGES,
            "forms": FORM_NAMES,
            "suffixes": {"media": sorted(MEDIA_SUFFIXES), "transcripts": SUFFIXES},
            "recordings": jobs.describe(),
        }


def _take_uploads(app: FastAPI, jobs: Jobs) -> None:
    @app.post(
        "/api/recordings",
        status_code=201,
        openapi_extra=json_body(Announced.model_json_schema()),
    )
    async def announce(request: Request) -> dict[str, Any]:
        """Announce a recording: its name, its size in bytes, the name of its transcript if any.

        The answer has its id.
        """
        body = await receive_bytes(request.stream(), LARGEST_BODY)
        try:
            announced = Announced.model_validate_json(body)
        except ValidationError as error:
            [first, *_] = error.errors()
            where = ".".join(map(str, first["loc"]))
            raise RefusalError(
                422, f"Expected name and size as JSON; {where}: {first['msg']}"
            ) from None
        return jobs.create(announced.name, announced.size, announced.transcript).to_json()

    @app.put("/api/recordings/{job_id}/transcript", status_code=204, openapi_extra=BYTES_BODY)
    async def transcript(job_id: str, request: Request) -> None:
        """Send the transcript, before the recording."""
        job = jobs.find(job_id)
        if not job.transcript:
            raise RefusalError(409, f"{job.name}: announced without a transcript")
        limit = min(LARGEST_BYTES, jobs.limits.upload_bytes)

        def too_large(_: int) -> str:
            return f"{job.transcript}: expected at most {limit / MEGABYTE:.0f} MB"

        async with _Receiving(jobs, job):
            await receive_file(
                request.stream(),
                jobs.storage.transcript(job),
                limit_bytes=limit,
                too_large=too_large,
            )

    @app.put("/api/recordings/{job_id}/media", status_code=204, openapi_extra=BYTES_BODY)
    async def media(job_id: str, request: Request) -> None:
        """Send the recording; it is read when its turn comes."""
        job = jobs.find(job_id)
        if job.transcript and not jobs.storage.transcript(job).is_file():
            raise RefusalError(409, f"{job.name}: expected {job.transcript} before the recording")
        async with _Receiving(jobs, job):
            count = await receive_file(
                request.stream(),
                jobs.storage.media(job),
                limit_bytes=job.size,
                too_large=lambda _: f"{job.name}: more bytes came than were announced ({job.size})",
                on_bytes=lambda count: jobs.receive(job, count),
            )
            if count != job.size:
                raise RefusalError(400, f"{job.name}: expected {job.size} bytes; {count} came")
            jobs.enqueue(job)


class _Receiving:
    """Marks a job while one of its files is uploaded; the job fails if the upload fails."""

    def __init__(self, jobs: Jobs, job: Job) -> None:
        self._jobs, self._job = jobs, job

    async def __aenter__(self) -> None:
        self._jobs.begin_upload(self._job)

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None:
            self._jobs.pause_upload(self._job)
            return
        refused = isinstance(error, RefusalError)
        reason = str(error) if refused else "the upload was interrupted; try again"
        self._jobs.finish(self._job, "failed", reason)
        if isinstance(error, UploadStoppedError | ClientDisconnect):
            raise RefusalError(409, f"{self._job.name}: {self._job.message or 'removed'}") from None


def _change_list(app: FastAPI, jobs: Jobs) -> None:
    @app.post("/api/recordings/{job_id}/cancel", status_code=204)
    def cancel(job_id: str) -> None:
        """Stop the upload or the reading of a recording."""
        jobs.cancel(jobs.find(job_id))

    @app.delete("/api/recordings/{job_id}", status_code=204)
    def remove(job_id: str) -> None:
        """Remove a recording and its results."""
        jobs.remove(jobs.find(job_id))

    @app.delete("/api/recordings", status_code=204)
    def clear() -> None:
        """Remove all recordings that have ended."""
        jobs.clear()


def _serve_results(app: FastAPI, jobs: Jobs) -> None:
    def done(job_id: str) -> Job:
        job = jobs.find(job_id)
        if job.state != "done":
            raise RefusalError(409, f"{job.name}: expected to be done; it is {job.state}")
        return job

    @app.get("/recordings/{job_id}/report", response_class=FileResponse)
    def report(job_id: str) -> Response:
        """Return the page about a recording, as HTML."""
        path = jobs.storage.folder(done(job_id)) / REPORT_FILE
        policy = {"content-security-policy": REPORT_POLICY}
        return FileResponse(path, media_type=ASSET_TYPES[".html"], headers=policy)

    @app.get("/recordings/{job_id}/thumbnail", response_class=FileResponse)
    def thumbnail(job_id: str) -> Response:
        """Return a picture of a recording, as JPEG."""
        path = jobs.storage.thumbnail(jobs.find(job_id))
        if not path.is_file():
            raise HTTPException(404)
        # It never changes, and the page requests it whenever the list is shown.
        headers = {"cache-control": "private, max-age=3600"}
        return FileResponse(path, media_type="image/jpeg", headers=headers)

    @app.get("/recordings/{job_id}/recording", response_class=FileResponse)
    def recording(job_id: str) -> Response:
        """Return the recording itself, if browsers can play it."""
        job = done(job_id)
        kind = (job.summary or {}).get("media_type")
        if kind is None:
            raise RefusalError(404, f"{job.name}: of a kind that browsers do not play")
        return FileResponse(jobs.storage.media(job), media_type=kind)

    @app.get("/recordings/{job_id}/files/{form}", response_class=FileResponse)
    def file(job_id: str, form: str) -> Response:
        """Return the answers as a file of this form, such as csv."""
        job = done(job_id)
        if form not in FORM_NAMES:
            raise RefusalError(404, f"Expected one of {', '.join(FORM_NAMES)}; got another form")
        path = jobs.storage.folder(job) / file_of(form)
        if not path.is_file():
            raise RefusalError(404, f"{job.name}: the {FORM_NAMES[form].lower()} was not made")
        return FileResponse(
            path,
            media_type="application/octet-stream",
            filename=f"{stem(job.name)}.{form}",
        )


def _assets() -> dict[str, bytes]:
    """Return the files of the page, file name -> content; it shares the report's colours."""
    # Not files("pipelines.video_report"): that would load the package, and torch with it.
    package = files("pipelines")
    own = package.joinpath("serving", "assets")
    assets = {entry.name: entry.read_bytes() for entry in own.iterdir() if entry.is_file()}
    for mark, text in NOTES.items():
        assets[PAGE] = assets[PAGE].replace(mark, text.encode())
    colours = package.joinpath("video_report", "assets", "colours.css")
    return {**assets, colours.name: colours.read_bytes()}
