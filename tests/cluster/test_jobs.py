"""Jobs on Ray's job server, with a client that keeps what it is told."""

import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ray.exceptions import AuthenticationError

from kgprism.platform.cluster.jobs import Jobs, connect, entrypoint, explain_server_errors, masked
from kgprism.platform.errors import ConfigurationError, RunError


@dataclass
class Server:
    """A job server that runs nothing; ``state`` is what becomes of every job."""

    state: str = "SUCCEEDED"
    pieces: tuple[str, ...] = ("one\n", "two\n")
    error: Exception | None = None
    sent: list[dict[str, Any]] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)

    def get_address(self) -> str:
        return "http://server:8265"

    def submit_job(self, **sent: Any) -> str:
        folder = sent["runtime_env"].get("working_dir")
        names = sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*") if p.is_file()) if folder else []
        self.sent.append(sent | {"names": names})
        return sent["submission_id"]

    def list_jobs(self) -> list[Any]:
        driver = SimpleNamespace(submission_id=None)
        others = [
            SimpleNamespace(
                submission_id=sent["submission_id"],
                entrypoint=sent["entrypoint"],
                metadata=sent["metadata"],
                status=SimpleNamespace(value=self.state),
                start_time=1_700_000_000_000 + 1000 * n,
                message=None,
            )
            for n, sent in enumerate(self.sent)
        ]
        return [driver, *others]

    def get_job_logs(self, job_id: str) -> str:
        return "".join(self.pieces)

    async def tail_job_logs(self, job_id: str) -> AsyncIterator[str]:
        for piece in self.pieces:
            yield piece
        if self.error:
            raise self.error

    def stop_job(self, job_id: str) -> bool:
        self.stopped.append(job_id)
        return True


def test_a_shipped_suite_uploads_nothing() -> None:
    server = Server()
    name = Jobs(server).submit(["ablate", "demo", "--seeds", "1"])
    assert name.startswith("ablate-demo-")
    assert server.sent[0]["runtime_env"] == {}
    assert server.sent[0]["metadata"] == {"command": "kgprism ablate demo --seeds 1"}
    assert server.sent[0]["entrypoint"].endswith("exec kgprism ablate demo --seeds 1")


def test_own_suites_travel_by_their_file_name_and_nothing_else_does(tmp_path: Path) -> None:
    (tmp_path / "my suite.yaml").write_text("a")
    (tmp_path / "secret.txt").write_text("b")
    server = Server()
    Jobs(server).submit(["ablate", str(tmp_path / "my suite.yaml")])
    assert server.sent[0]["names"] == ["my suite.yaml"]
    assert server.sent[0]["entrypoint"].endswith("exec kgprism ablate 'my suite.yaml'")
    assert server.sent[0]["submission_id"].startswith("ablate-mysuite-")


def test_jobs_are_listed_newest_first_without_rays_own_drivers() -> None:
    server = Server(state="RUNNING")
    jobs = Jobs(server)
    first, second = (jobs.submit(["methods", "list"]) for _ in range(2))
    assert [job.id for job in jobs.list()] == [second, first]
    assert (jobs.list()[0].command, jobs.list()[0].state) == ("kgprism methods list", "running")
    assert (jobs.list()[0].since - jobs.list()[1].since).total_seconds() == 1


def test_an_unknown_job_names_the_nearest() -> None:
    jobs = Jobs(Server())
    name = jobs.submit(["methods", "list"])
    with pytest.raises(ConfigurationError, match=f"did you mean '{name}'"):
        jobs.log(name[:-1])


def test_a_log_is_followed_to_the_end_of_the_job() -> None:
    jobs, heard = Jobs(Server()), []
    job = jobs.follow(jobs.submit(["methods", "list"]), heard.append)
    assert heard == ["one\n", "two\n"]
    assert job.state == "succeeded"


@pytest.mark.parametrize("error", [None, RuntimeError("closed"), ConnectionResetError("reset")])
def test_a_log_that_breaks_off_says_so_and_stops_no_job(error: Exception | None) -> None:
    server = Server(state="RUNNING", error=error)
    jobs = Jobs(server)
    with pytest.raises(RunError, match=r"broke off|lost sight of methods-list-.*, which goes on"):
        jobs.follow(jobs.submit(["methods", "list"]), lambda piece: None)
    assert not server.stopped


def test_ctrl_c_while_following_stops_no_job() -> None:
    server = Server(state="RUNNING")
    jobs = Jobs(server)

    def interrupt(piece: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        jobs.follow(jobs.submit(["methods", "list"]), interrupt)
    assert not server.stopped


def test_only_a_job_that_runs_is_stopped() -> None:
    running, ended = Server(state="RUNNING"), Server()
    name = Jobs(running).submit(["methods", "list"])
    assert Jobs(running).stop(name)
    assert running.stopped == [name]
    assert not Jobs(ended).stop(Jobs(ended).submit(["methods", "list"]))
    assert not ended.stopped


def test_a_job_stops_where_the_cluster_has_another_version(tmp_path: Path) -> None:
    def carried_out(said: str) -> subprocess.CompletedProcess[str]:
        program = tmp_path / "kgprism"
        program.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo "{said}"; else echo "ran $*"; fi\n')
        program.chmod(0o755)
        line = entrypoint(["ablate", "my suite.yaml"], with_code=False)
        path = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
        return subprocess.run(["/bin/sh", "-c", line], env=path, capture_output=True, text=True, check=False)

    here = f"kgprism {version('kgprism')}"
    assert carried_out(here).stdout == "ran ablate my suite.yaml\n"
    other = carried_out("kgprism 0.0.1")
    assert (other.returncode, other.stdout) == (2, "")
    assert f"submitted by {here}, the cluster has kgprism 0.0.1" in other.stderr
    (tmp_path / "kgprism").unlink()


def test_users_and_passwords_of_urls_are_not_shown() -> None:
    assert masked("job postgresql://me:hidden@host/studies") == "job postgresql://***@host/studies"
    assert masked("at http://host:8265, me@there") == "at http://host:8265, me@there"


def test_nobody_at_an_address_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "http://127.0.0.1:2")
    with pytest.raises(RunError, match=r"no job server answers at http://127\.0\.0\.1:1: ") as left:
        connect("http://127.0.0.1:1")
    assert "\n" not in str(left.value)
    with pytest.raises(RunError, match="no job server answers"):
        connect()


def test_a_refused_token_says_where_the_token_belongs() -> None:
    with pytest.raises(RunError, match="RAY_AUTH_MODE=token"), explain_server_errors("http://server"):
        raise AuthenticationError("401")


def test_a_password_in_a_command_is_never_sent() -> None:
    server = Server()
    with pytest.raises(ConfigurationError, match="password in a command"):
        Jobs(server).submit(["tune", "kge", "--storage", "postgresql://me:secret@host/db"])
    assert not server.sent
    Jobs(server).submit(["tune", "kge", "--storage", "postgresql://me@host/db"])
    assert len(server.sent) == 1
