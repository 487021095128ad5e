"""Two throw-away computers inside this one: own processes, network, homes and ssh servers; a wire between them.

`ray stop`, which `ray up` and `ray down` send, ends every Ray process that it can see. In here it sees no other one.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PORT = 2222
ADDRESSES = {"head": "10.77.0.1", "worker": "10.77.0.2"}

#: What the first process of a computer does; all others end with it, and it ends with its standard input.
FIRST = """set -e
mount --bind {folder}/passwd /etc/passwd
mount --bind {folder}/{name}/home {folder}/home
mount --bind {folder}/{name}/tmp {folder}/tmp
mount -t tmpfs tmpfs /run
mkdir -m 755 /run/sshd
ip link set lo up
/usr/sbin/sshd -D -f {folder}/sshd_config -E {folder}/{name}/sshd.log &
echo ready
cat > /dev/null
"""

SSHD = """Port {port}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile none
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
"""

RAY = """#!/bin/bash
here=$(readlink /proc/self/ns/pid)
if [ -z "$here" ] || [ "$here" = "{outside}" ]; then echo "ray: only inside the test's own computers"; exit 97; fi
exec {python} -m ray.scripts.scripts "$@"
"""


@dataclass(frozen=True)
class Node:
    """A computer. ``first`` is its first process, as seen from outside; ``home`` is its home, as seen from inside."""

    folder: Path
    name: str
    first: int

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def laptop(self) -> Path:
        """The home of whoever types `ray up`; another one than the home behind the ssh server."""
        return self.folder / "laptop"

    def run(self, command: str, timeout: float = 120, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a shell command as the user at the laptop; standard error goes into the output."""
        variables = {"HOME": str(self.laptop), "USER": "root", "LANG": "C.UTF-8", "TERM": "dumb"}
        variables |= {"PATH": f"{self.home}/venv/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
        variables |= {"TMPDIR": f"{self.folder}/tmp", "RAY_TMPDIR": f"{self.folder}/tmp", "OMP_NUM_THREADS": "1"}
        enter = ("nsenter", "--target", str(self.first), "--mount", "--net", "--pid", "--", "bash", "-c", command)
        return subprocess.run(
            enter,
            cwd=self.laptop,
            env=variables | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )

    def processes(self) -> list[str]:
        """Return the command lines of all processes of this computer."""
        return self.run("ps -eo args=").stdout.splitlines()


@dataclass(frozen=True)
class Machines:
    """``worker`` is none, and the head at 127.0.0.1, where no wire could be laid; ``unwired`` says why."""

    folder: Path
    cluster: str
    head: Node
    worker: Node | None
    unwired: str

    @property
    def head_ip(self) -> str:
        return ADDRESSES["head"] if self.worker else "127.0.0.1"


def missing() -> str | None:
    """Return why such computers cannot be made here, if they cannot."""
    programs = ("ssh", "ssh-keygen", "rsync", "unshare", "nsenter", "mount", "ip", "ps")
    absent = [name for name in programs if not shutil.which(name)]
    if not Path("/usr/sbin/sshd").exists():
        absent.insert(0, "sshd")
    if absent:
        return f"no {', '.join(absent)} here: apt-get install openssh-server rsync iproute2 util-linux procps"
    trial = ("unshare", "--pid", "--net", "--fork", "--mount-proc", "ip", "link", "set", "lo", "up")
    done = subprocess.run(trial, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"no namespaces for a test here, and `ray stop` would end other sessions: {done.stderr.strip()}"
    return None


@pytest.fixture(scope="module")
def machines() -> Iterator[Machines]:
    reason = missing()
    if reason:
        pytest.skip(reason)
    # Not pytest's folder: below it the paths of Ray's sockets are longer than the 107 bytes that Linux allows.
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kgp-", ignore_cleanup_errors=True)))
        _write_keys(folder)
        head, worker = (stack.enter_context(_node(folder, name)) for name in ADDRESSES)
        unwired = _wire(head, worker)
        cluster = f"kgprism-test-{folder.name}"
        stack.callback(_forget_connections, cluster)
        yield Machines(folder, cluster, head, None if unwired else worker, unwired)


@contextmanager
def _node(folder: Path, name: str) -> Iterator[Node]:
    _furnish(folder, folder / name)
    script = FIRST.format(folder=folder, name=name)
    start = ("unshare", "--pid", "--net", "--fork", "--kill-child", "--mount-proc", "bash", "-c", script)
    with subprocess.Popen(start, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as outer:
        assert outer.stdin is not None
        assert outer.stdout is not None
        try:
            assert outer.stdout.readline() == "ready\n", "the first process failed"
            first = int(Path(f"/proc/{outer.pid}/task/{outer.pid}/children").read_text(encoding="utf-8"))
            assert os.readlink(f"/proc/{first}/ns/pid") != os.readlink("/proc/self/ns/pid")
            node = Node(folder, name, first)
            assert len(node.processes()) < 8, "it sees processes of others"
            yield node
        finally:
            outer.stdin.close()


def _wire(head: Node, worker: Node) -> str:
    """Lay a wire between both; return why not, or nothing."""
    ends = [("netns", str(node.first)) for node in (head, worker)]
    lay = ("ip", "link", "add", "name", "wire", *ends[0], "type", "veth", "peer", "name", "wire", *ends[1])
    done = subprocess.run(lay, capture_output=True, text=True, check=False)
    for node in (head, worker):
        address = ADDRESSES[node.name]
        # Ray takes for a node's address the one that the way to the outside starts from.
        up = f"ip addr add {address}/24 dev wire && ip link set wire up && ip route add default dev wire"
        done = done if done.returncode else node.run(up)
    return f"no wire between two computers here: {done.stdout}{done.stderr or ''}".strip() if done.returncode else ""


def _write_keys(folder: Path) -> None:
    for name in ("home", "tmp", "laptop", "store"):
        (folder / name).mkdir()
    for name in ("key", "host_key"):
        subprocess.run(("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)), check=True)
    (folder / "sshd_config").write_text(SSHD.format(folder=folder, port=PORT))
    users = [
        line for line in Path("/etc/passwd").read_text(encoding="utf-8").splitlines() if not line.startswith("root:")
    ]
    (folder / "passwd").write_text("\n".join([f"root:*:0:0:root:{folder}/home:/bin/bash", *users, ""]))
    (folder / "libraries").mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if "kgprism" not in entry.name and entry.suffix != ".pth":
            (folder / "libraries" / entry.name).symlink_to(entry)


def _furnish(folder: Path, own: Path) -> None:
    """Make a home with an environment of every package but the project, which the cluster installs by itself."""
    (own / "tmp").mkdir(parents=True)
    (own / "home/.ssh").mkdir(parents=True)
    # ssh looks for its settings in the home that the system's list of users names, whatever HOME says.
    (own / "home/.ssh/config").write_text(f"Host *\n  Port {PORT}\n  LogLevel ERROR\n")
    subprocess.run((sys.executable, "-m", "venv", "--without-pip", str(own / "home/venv")), check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (own / f"home/venv/lib/{version}/site-packages/libraries.pth").write_text(f"{folder}/libraries\n")
    python = folder / "home/venv/bin/python"
    pip = f'#!/bin/bash\nexec {python} -m pip "$@"\n'
    ray = RAY.format(outside=os.readlink("/proc/self/ns/pid"), python=python)
    for name, text in (("pip", pip), ("ray", ray)):
        (own / "home/venv/bin" / name).write_text(text)
        (own / "home/venv/bin" / name).chmod(0o755)


def _forget_connections(cluster: str) -> None:
    """Remove the sockets of ssh that Ray keeps outside of any folder it is told of."""
    digest = hashlib.sha256(cluster.encode()).hexdigest()[:10]
    for folder in Path("/tmp").glob(f"ray_ssh_*/{digest}"):
        shutil.rmtree(folder)
