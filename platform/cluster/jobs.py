"""Jobs: kgprism commands that Ray's job server carries out on a cluster, whether or not anyone stays connected."""

import asyncio
import logging
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from shlex import join, quote
from tempfile import TemporaryDirectory
from typing import Any, Protocol
from uuid import uuid4

from ray.exceptions import AuthenticationError, RayError
from ray.job_submission import JobSubmissionClient

from kgprism.platform.cluster.upload import gather, lay_out
from kgprism.platform.errors import ConfigurationError, RunError, first_line, nearest

_START = "from kgprism.platform.cli.main import run; run()"


class Client(Protocol):
    """What is used of ``ray.job_submission.JobSubmissionClient``."""

    def submit_job(
        self, *, entrypoint: str, submission_id: str, runtime_env: dict[str, Any], metadata: dict[str, str]
    ) -> str: ...
    def list_jobs(self) -> Sequence[Any]: ...
    def get_job_logs(self, job_id: str, /) -> str: ...
    def tail_job_logs(self, job_id: str, /) -> AsyncIterator[str]: ...
    def stop_job(self, job_id: str, /) -> bool: ...
    def get_address(self) -> str: ...


@dataclass(frozen=True)
class Job:
    """A submitted command. ``state`` is Ray's word in small letters; ``since`` is when it started."""

    id: str
    command: str
    state: str
    since: datetime | None
    message: str = ""

    @property
    def ended(self) -> bool:
        """Return whether nothing more will come of it."""
        return self.state in ("succeeded", "failed", "stopped")


class Jobs:
    """The jobs of one cluster."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def address(self) -> str:
        """Return the job server's URL."""
        return self._client.get_address()

    def submit(self, words: Sequence[str], with_code: bool = False) -> str:
        """Submit ``kgprism WORDS`` and return the job's id.

        Raises:
            ConfigurationError: if a named file is absent, the upload too large or a password in the command, which Ray
                would show to everybody; nothing was sent then.
            RunError: if the job server refuses.
        """
        if re.search(r"://[^/\s@:]*:[^/\s@]+@", " ".join(words)):
            advice = "leave it out of the URL and put it where the client looks on the cluster, such as ~/.pgpass"
            raise ConfigurationError(f"a password in a command can be read in the job's log: {advice}")
        upload = gather(words, with_code)
        name = f"{'-'.join(re.sub(r'[^A-Za-z0-9_.]', '', Path(w).stem) for w in upload.words[:2])}-{uuid4().hex[:6]}"
        with TemporaryDirectory() as folder, explain_server_errors(self.address):
            lay_out(upload, Path(folder))
            return self._client.submit_job(
                entrypoint=entrypoint(upload.words, with_code),
                submission_id=name,
                runtime_env={"working_dir": folder} if upload.files else {},
                metadata={"command": masked(join(["kgprism", *words]))},
            )

    def list(self) -> list[Job]:
        """Return all submitted jobs that the cluster knows, newest first.

        Raises:
            RunError: if the job server does not answer.
        """
        with explain_server_errors(self.address):
            found = [_job(details) for details in self._client.list_jobs() if details.submission_id]
        return sorted(found, key=lambda job: job.since or datetime.max.replace(tzinfo=UTC), reverse=True)

    def find(self, name: str) -> Job:
        """Return a job by its id.

        Raises:
            ConfigurationError: if there is none, naming the nearest.
        """
        jobs = {job.id: job for job in self.list()}
        if name not in jobs:
            raise ConfigurationError(f"unknown job '{name}'{nearest(name, jobs)}: see `kgprism jobs`")
        return jobs[name]

    def log(self, name: str) -> str:
        """Return what a job has written so far.

        Raises:
            ConfigurationError: if there is no such job.
        """
        self.find(name)
        with explain_server_errors(self.address):
            return self._client.get_job_logs(name)

    def follow(self, name: str, listen: Callable[[str], None]) -> Job:
        """Hand every piece of a job's log to `listen` until the job ends; leaving early does not end the job.

        Raises:
            ConfigurationError: if there is no such job.
            RunError: if the connection is lost; the job goes on.
        """
        self.find(name)

        async def read() -> None:
            async for piece in self._client.tail_job_logs(name):
                listen(piece)

        try:
            with explain_server_errors(self.address):
                asyncio.run(read())
        except RunError as error:
            raise RunError(f"lost sight of {name}, which goes on: {error}") from None
        job = self.find(name)
        if not job.ended:
            raise RunError(f"the log of {name} broke off, the job is {job.state}: kgprism jobs logs {name} --follow")
        return job

    def stop(self, name: str) -> bool:
        """Ask a job to end and return whether it was running.

        Raises:
            ConfigurationError: if there is no such job.
        """
        if self.find(name).ended:
            return False
        with explain_server_errors(self.address):
            return self._client.stop_job(name)


def connect(address: str | None = None) -> Jobs:
    """Reach a cluster's job server: `address`, else ``RAY_API_SERVER_ADDRESS`` or ``RAY_ADDRESS``, else this machine's.

    Ray's own token settings (``RAY_AUTH_MODE``, token file) are used as they are.

    Raises:
        RunError: if nobody answers there, or the token is refused.
    """
    for handler in logging.getLogger("ray").handlers:
        handler.setLevel(logging.WARNING)
    with explain_server_errors(address or "this machine"), _outranking_environment(address):
        return Jobs(JobSubmissionClient(address))


def entrypoint(words: Sequence[str], with_code: bool) -> str:
    """Return the shell line of a job; without uploaded code it stops where the cluster has another version."""
    if with_code:
        return f"exec python3 -c {quote(_START)} {join(words)}"
    here = f"kgprism {version('kgprism')}"
    complaint = f"kgprism: submitted by {here}, the cluster has ${{found:-none}}: install it there or use --with-code"
    return (
        f'found=$(kgprism --version 2>/dev/null); test "$found" = {quote(here)} '
        f'|| {{ echo "{complaint}" >&2; exit 2; }}; exec kgprism {join(words)}'
    )


def masked(text: str) -> str:
    """Return a text without the passwords of URLs such as ``postgresql://name:password@host``."""
    return re.sub(r"://[^/\s@']+@", "://***@", text)


@contextmanager
def explain_server_errors(address: str) -> Iterator[None]:
    """Turn what goes wrong between here and a job server into one line.

    Raises:
        RunError: saying what to do.
    """
    try:
        yield
    except AuthenticationError:
        advice = "export RAY_AUTH_MODE=token and put the cluster's token into ~/.ray/auth_token"
        raise RunError(f"the job server at {address} refuses this machine's token: {advice}") from None
    except ConnectionError:
        advice = "is `ray dashboard cluster.yaml` open, or --address http://HOST:8265 right?"
        raise RunError(f"no job server answers at {address}: {advice}") from None
    except (OSError, RuntimeError, ValueError, RayError) as error:
        raise RunError(f"the job server at {address}: {masked(first_line(error))}") from None


@contextmanager
def _outranking_environment(address: str | None) -> Iterator[None]:
    """Let an explicit address win: Ray's client prefers the environment to its own argument."""
    key = "RAY_API_SERVER_ADDRESS"
    before = os.environ.get(key)
    if address:
        os.environ[key] = address
    try:
        yield
    finally:
        if before is not None:
            os.environ[key] = before
        elif address:
            del os.environ[key]


def _job(details: Any) -> Job:
    command = (details.metadata or {}).get("command") or masked(details.entrypoint)
    since = datetime.fromtimestamp(details.start_time / 1000, UTC) if details.start_time else None
    return Job(details.submission_id, command, str(details.status.value).lower(), since, details.message or "")
