"""A real `ray up` of ``cluster.yaml`` over ssh: a head and a worker, a submitted suite, its table fetched, `ray down`.

What differs from the file as shipped: its own lines for own machines are put in, and there is no Docker, so that the
machines take their environment from ``~/.bashrc``, as the file's comments say.
"""

import json
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "cluster.yaml").read_text()
DASHBOARD = "http://127.0.0.1:8265"

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]

SUITE = """\
schema: 1
suite: small
title: A small suite
method: loginmea
base: {train.epochs: 3, modal_width: 8, graph_width: 8}
grid: {dataset: [toy], seed_ratio: [0.3], seed: {count: 1, start: 1}}
variants:
  - {id: whole, label: The method, full: true}
  - {id: sum, label: A plain sum, override: {fusion: sum}}
metrics: [hits_at_1, mrr]
"""


@pytest.fixture(scope="module")
def wheel(machines) -> Path:
    """Build what `make wheel` builds, from a copy: a build folder in the checkout could be somebody else's."""
    source = machines.folder / "source"
    for room in ("platform", "methods", "search_spaces", "ablations"):
        shutil.copytree(ROOT / room, source / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    build = (sys.executable, "-m", "build", "--quiet", "--wheel", "--no-isolation", "--outdir")
    to = (str(machines.folder / "dist"), str(source))
    done = subprocess.run([*build, *to], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    shutil.copy(ROOT / "constraints.txt", machines.folder / "dist")
    return next((machines.folder / "dist").glob("*.whl"))


@pytest.fixture(scope="module")
def token(machines) -> str:
    """Make the token as ``cluster.yaml`` says; nothing of it may be printed, and nobody else may read it."""
    line = next(line for line in TEXT.splitlines() if "get-auth-token" in line)
    done = machines.head.run(line.lstrip("# ").split("    #")[0])
    file = machines.head.laptop / ".ray/auth_token"
    assert done.returncode == 0, done.stdout
    assert file.stat().st_mode & 0o077 == 0
    assert file.read_text() not in done.stdout
    return file.read_text()


@pytest.fixture(scope="module")
def config(machines, wheel: Path, token: str) -> Path:
    """Write the cluster's file for these machines."""
    yaml, home = YAML(typ="safe", pure=True), machines.head.home
    text = TEXT.replace("/home/ray/store", f"{machines.folder}/store").replace("/home/ray", str(home))
    plain = yaml.load(text)
    own = "\n".join(line.removeprefix("# local> ") for line in text.splitlines() if line.startswith("# local> "))
    options = plain.pop("docker")["run_options"]
    del plain["head_node_type"], plain["available_node_types"]
    plain |= yaml.load(own)
    workers = ["10.77.0.2"] if machines.worker else []
    plain |= {"cluster_name": machines.cluster, "min_workers": len(workers), "max_workers": len(workers)}
    plain["provider"] |= {"head_ip": machines.head_ip, "worker_ips": workers}
    plain["auth"] |= {"ssh_user": "root", "ssh_private_key": str(machines.folder / "key")}
    if workers:  # as in the cloud, the head only plans: what is finished was done by the worker
        plain["head_start_ray_commands"][-1] += " --num-cpus=0"
    here = {"dist": str(wheel.parent)}
    plain["file_mounts"] = {there: here.get(local, local) for there, local in plain["file_mounts"].items()}
    exports = [option.removeprefix("--env ") for option in options if option.startswith("--env ")]
    exports += [f"PATH={home}/venv/bin:$PATH", f"RAY_TMPDIR={machines.folder}/tmp", f"TMPDIR={machines.folder}/tmp"]
    for name in ("head", "worker"):
        (machines.folder / name / "home/.bashrc").write_text("".join(f"export {line}\n" for line in exports))
    file = machines.folder / "cluster.yaml"
    with file.open("w") as target:
        yaml.dump(plain, target)
    return file


@pytest.fixture(scope="module")
def up(machines, config: Path) -> str:
    """Start the cluster; return what `ray up` printed."""
    done = machines.head.run(f"ray up --yes --no-config-cache {config}", timeout=400)
    assert done.returncode == 0, done.stdout[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def joined(machines, up: str) -> None:
    """Wait until the head's autoscaler has set the worker up."""
    if machines.worker is None:
        return
    end = time.monotonic() + 240
    while time.monotonic() < end:
        if any("/raylet/raylet" in line for line in machines.worker.processes()):
            return
        time.sleep(2)
    logs = "".join(path.read_text()[-4000:] for path in (machines.folder / "head/tmp").rglob("monitor.*"))
    pytest.fail(f"the worker did not come: {logs}")


def answer(machines, *headers: str) -> str:
    """Return the status with which the job server answers."""
    extra = " ".join(f"-H {shlex.quote(header)}" for header in headers)
    return machines.head.run(f"curl -s -o /dev/null -w '%{{http_code}}' {extra} {DASHBOARD}/api/jobs/").stdout


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here: apt-get install curl")
def test_the_job_server_answers_only_to_the_token(machines, up: str, token: str) -> None:
    assert answer(machines) == "401"
    assert answer(machines, "Authorization: Bearer another") in ("401", "403")
    assert answer(machines, f"Authorization: Bearer {token}") == "200"


def test_a_worker_is_set_up_over_ssh(machines, joined: None) -> None:
    if machines.worker is None:
        pytest.skip(machines.unwired)
    assert not any("gcs_server" in line for line in machines.worker.processes())
    installed = machines.worker.run("python -c 'import kgprism.platform.home as home; print(home.__file__)'").stdout
    assert installed.startswith(f"{machines.worker.home}/venv/")


def test_a_submitted_suite_comes_back_as_a_table(machines, config: Path, joined: None) -> None:
    (machines.folder / "work").mkdir()
    (machines.folder / "work/small.yaml").write_text(SUITE)
    submit = f"ray job submit --address {DASHBOARD} --working-dir {machines.folder}/work -- kgprism ablate small.yaml"
    done = machines.head.run(submit, timeout=500, RAY_AUTH_MODE="token")
    assert done.returncode == 0, done.stdout[-4000:]
    assert all(label in done.stdout for label in ("The method", "A plain sum")), done.stdout[-4000:]
    store = machines.head.laptop / "store"
    fetched = machines.head.run(f"ray rsync-down {config} {machines.folder}/store/ {store}")
    assert fetched.returncode == 0, fetched.stdout[-4000:]
    runs = [json.loads(path.read_text()) for path in store.glob("runs/*/run.json")]
    assert sorted(run["configuration"]["fusion.kind"] for run in runs) == ["low_rank", "sum"]
    table = (store / "tables/small.md").read_text()
    for run in runs:
        assert f"{run['selections']['valid']['metrics']['test/l2r/hits_at_1']:.3f}".lstrip("0") in table


def test_nobody_without_the_token_gets_in(machines, joined: None) -> None:
    stranger = machines.worker or machines.head
    assert not (machines.folder / "tmp/.ray").exists()
    for home, code in ((f"{machines.folder}/tmp", 1), (machines.head.laptop, 0)):
        done = stranger.run(f"ray status --address {machines.head_ip}:6379", RAY_AUTH_MODE="token", HOME=str(home))
        assert bool(done.returncode) == bool(code), done.stdout[-2000:]
    without = stranger.run(f"ray status --address {machines.head_ip}:6379", RAY_AUTH_MODE="disabled")
    assert without.returncode, without.stdout[-2000:]


def test_the_job_server_listens_on_the_loopback_only(machines, joined: None) -> None:
    listening = [line.split()[3].rsplit(":", 1) for line in machines.head.run("ss -ltnH").stdout.splitlines()]
    assert {address for address, port in listening if port == "8265"} == {"127.0.0.1"}


def test_the_token_is_nowhere_but_in_its_file(machines, up: str, token: str) -> None:
    assert token not in up
    holders = {
        str(path.relative_to(machines.folder))
        for path in machines.folder.rglob("*")
        if path.is_file() and not path.is_symlink() and token.encode() in path.read_bytes()
    }
    nodes = ["head", "worker"] if machines.worker else ["head"]
    assert holders == {"laptop/.ray/auth_token"} | {f"{name}/home/.ray/auth_token" for name in nodes}
    assert not any(token in line for node in (machines.head, machines.worker) if node for line in node.processes())


def test_ray_down_leaves_no_ray_on_the_head(machines, config: Path, up: str) -> None:
    def of_ray() -> list[str]:
        return [line for line in machines.head.processes() if line.startswith("ray::") or "/ray/" in line]

    assert of_ray()
    done = machines.head.run(f"ray down --yes {config}")
    assert done.returncode == 0, done.stdout[-4000:]
    assert not of_ray()
