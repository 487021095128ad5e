"""``kgprism submit`` and ``kgprism jobs``, on a small cluster of this test's own."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from kgprism.platform.cli.commands.submit import refuse_unknown, watch
from kgprism.platform.cli.main import app
from kgprism.platform.cluster.jobs import Job
from kgprism.platform.errors import ConfigurationError

PROGRAM = Path(sys.executable).with_name("kgprism")

# Two nodes; Ray's fixed port of the head's agent may belong to another session of this machine.
SERVER = """
import socket, sys
from ray.cluster_utils import Cluster
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
head = dict(num_cpus=2, include_dashboard=True, dashboard_port=0, dashboard_agent_listen_port=port)
cluster = Cluster(initialize_head=True, head_node_args=head)
cluster.add_node(num_cpus=2)
print(cluster.webui_url, flush=True)
sys.stdin.read()
cluster.shutdown()
"""

SUITE = """
schema: 1
suite: mine
title: Mine
method: loginmea
base: {train.epochs: 2, modal_width: 8, graph_width: 8, eval.every: 2, pseudo_pairs: none}
grid: {dataset: [toy], seed: {count: 1}}
variants:
- {id: whole, label: Mine alone, full: true}
"""


@dataclass(frozen=True)
class Served:
    """A cluster: how to call kgprism against it from another process, and the home of its jobs."""

    words: tuple[str, ...]
    environment: dict[str, str]
    home: Path

    def start(self, *words: str, **options: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [PROGRAM, words[0], *self.words, *words[1:]],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **options,
        )

    def __call__(self, *words: str) -> tuple[int, str, str]:
        called = self.start(*words)
        out, err = called.communicate(timeout=120)
        return called.returncode, out, err


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    # Ray's sockets lie in its folder, and a socket's path is short.
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="kg") as folder:
        token = Path(folder, "token")
        token.write_text("a-token-of-this-test-alone-0123456789", encoding="utf-8")
        token.chmod(0o600)
        environment = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
        environment |= {"RAY_TMPDIR": f"{folder}/ray", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}
        environment |= {"KGPRISM_HOME": f"{folder}/home", "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}
        environment |= {"PATH": f"{PROGRAM.parent}:{os.environ['PATH']}"}
        Path(folder, "ray").mkdir()
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        with subprocess.Popen([sys.executable, "-c", SERVER], env=environment, text=True, **pipes) as server:
            try:
                address = f"http://{server.stdout.readline().strip()}"
                yield Served(("--address", address), environment, Path(folder, "home"))
            finally:
                server.stdin.close()
                server.wait(timeout=60)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("ablat demo", "a job is a command of kgprism, not 'ablat' (did you mean 'ablate'?)"),
        ("rm -rf /", "not 'rm'"),
        ("jobs list", "not 'jobs'"),
        ("data chek toy", "kgprism data has no command 'chek' (did you mean 'check'?)"),
        ("report demmo", "unknown suite 'demmo' (did you mean 'demo'?)"),
        ("-- ablate demmo --seeds 1", "unknown suite 'demmo' (did you mean 'demo'?)"),
        ("-- train loginmae -d toy", "unknown method 'loginmae' (did you mean 'loginmea'?)"),
        ("tune nowhere.yaml -d toy", "nowhere.yaml: cannot be read"),
        ("data import mine --from x", "`data import` reads files of one machine"),
        ("--address http://127.0.0.1:1 -- data list", "no job server answers at http://127.0.0.1:1"),
    ],
)
def test_a_mistake_is_told_before_anything_is_submitted(kgprism, words: str, told: str) -> None:
    called = kgprism("submit", *words.split())
    assert (called.code, called.out) == (2, "")
    (line,) = called.err.splitlines()
    assert told in line


@pytest.mark.parametrize("words", ["tune list", "tune mine --resume", "tune mine --resume --trials 9"])
def test_a_search_is_named_where_it_is(words: str) -> None:
    refuse_unknown(words.split(), get_command(app))
    with pytest.raises(ConfigurationError, match="unknown search space 'mine'"):
        refuse_unknown(["tune", "mine", "--resume", "-d", "toy"], get_command(app))


def test_every_command_but_those_about_jobs_is_a_job(kgprism) -> None:
    program = get_command(app)
    jobs = set(program.commands) - {"submit", "jobs"}
    assert jobs >= {"relations", "similarity"}
    for name in jobs:
        called = kgprism("submit", "--address", "http://127.0.0.1:1", name, "--help")
        assert "no job server answers" in called.err, name


class Watched:
    """Jobs of which one is followed: it says a word, then ends, or the user presses Ctrl-C."""

    def __init__(self, state: str, interrupted: bool = False) -> None:
        self.state, self.interrupted = state, interrupted

    def follow(self, name: str, listen: Callable[[str], None]) -> Job:
        listen("a word\n")
        if self.interrupted:
            raise KeyboardInterrupt
        return Job(name, "kgprism data list", self.state, None, "because\nTraceback")


def test_ctrl_c_leaves_the_job_and_says_how_to_come_back(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as left:
        watch(Watched("running", interrupted=True), "x-1", "http://server")
    assert left.value.exit_code == 130
    called = capsys.readouterr()
    assert called.out == "a word\n"
    assert "kgprism jobs logs x-1 --address http://server --follow" in called.err
    assert "kgprism jobs stop x-1 --address http://server" in called.err


@pytest.mark.parametrize("state", ["failed", "stopped"])
def test_a_job_that_did_not_succeed_is_exit_code_1(capsys: pytest.CaptureFixture[str], state: str) -> None:
    with pytest.raises(typer.Exit) as left:
        watch(Watched(state), "x-1", None)
    assert left.value.exit_code == 1
    assert capsys.readouterr().err == f"job x-1: {state}, because\n"


@pytest.mark.ray
def test_a_suite_of_ones_own_is_carried_out_there(served: Served, tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(SUITE)
    code, out, err = served("submit", "--with-code", "ablate", str(tmp_path / "mine.yaml"))
    assert code == 0, out + err
    assert "Mine alone" in out
    assert len(list((served.home / "runs").glob("*/run.json"))) == 1
    assert (served.home / "tables/mine.md").exists()
    assert "a-token-of-this-test" not in out + err


@pytest.mark.ray
def test_leaving_leaves_the_job_and_only_stop_ends_it(served: Served) -> None:
    words = ("train", "loginmea", "--dataset", "toy", "--set", "train.epochs=1000000")
    with served.start("submit", "--", *words) as called:
        assert called.stdout.readline()
        called.send_signal(signal.SIGINT)
        err = called.communicate(timeout=120)[1]
    assert called.returncode == 130, err
    jobs = {job["command"]: job for job in json.loads(served("jobs", "--json")[1])}
    job = jobs[f"kgprism {' '.join(words)}"]
    assert job["state"] == "running"
    assert f"kgprism jobs logs {job['id']}" in err
    assert served("jobs", "stop", job["id"])[0] == 0
    code, _, err = served("jobs", "logs", job["id"], "--follow")
    assert (code, f"job {job['id']}: stopped" in err) == (1, True)
    assert "had ended before" in served("jobs", "stop", job["id"])[1]


@pytest.mark.ray
def test_a_doctor_sees_all_nodes_through_the_job_server(served: Served) -> None:
    code, out, err = served("doctor", "--json")
    checks = {check["name"]: check for check in json.loads(out)}
    assert code == (0 if all(check["well"] for check in checks.values()) else 1), err
    assert "2 nodes, 4 CPU" in checks["Ray"]["found"]
    assert "shared and writable on 2 nodes" in checks["home on nodes"]["found"]
    assert checks["all-reduce"]["found"].startswith("between two nodes")
    assert checks["all-reduce"]["well"]
    assert not list(served.home.glob(".doctor-*"))
