"""``cluster.yaml`` against Ray's own schema and checks, without a cloud account; no secret in what is shipped."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ray.autoscaler._private.util import prepare_config, validate_config
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "cluster.yaml").read_text()
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def marked(word: str) -> str:
    """Return the lines of `cluster.yaml` that may take the place of others."""
    return "\n".join(line.removeprefix(word) for line in TEXT.splitlines() if line.startswith(word))


#: Shapes of what must never be in a file: keys of clouds and services, private keys, account numbers, ready tokens.
SECRETS = {
    "AWS key": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "AWS account": r"\barn:aws[\w-]*:\w+:[\w-]*:\d{12}:",
    "private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "GitHub token": r"\b(gh[pousr]_\w{36}|github_pat_\w{22,})",
    "Hugging Face token": r"\bhf_[A-Za-z]{34}\b",
    "bearer token": r"(?i)\bbearer [0-9a-f]{32,}",
    "token in a setting": r"(?i)\b\w*(token|secret|password|api_key)\s*[=:]\s*['\"]?[0-9a-f-]{32,}",
}


def plain(text: str) -> dict[str, Any]:
    return YAML(typ="safe", pure=True).load(text)


def on_premise() -> dict[str, Any]:
    cloud = plain(TEXT)
    for key in ("head_node_type", "available_node_types"):
        del cloud[key]
    return cloud | plain(marked("# local> "))


def own_image() -> dict[str, Any]:
    cloud, other = plain(TEXT), plain(marked("# image> "))
    return cloud | other | {"docker": cloud["docker"] | other["docker"]}


CONFIGS = pytest.mark.parametrize("config", [plain(TEXT), on_premise(), own_image()], ids=["aws", "local", "image"])


@CONFIGS
def test_ray_accepts_the_cluster(config: dict[str, Any]) -> None:
    validate_config(prepare_config(config))


def test_every_version_is_the_tested_one() -> None:
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    docker = plain(TEXT)["docker"]
    for image in (docker["head_image"], docker["worker_image"]):
        assert image.startswith(f"rayproject/ray:{pinned['ray']}-py311")


def test_the_image_is_made_of_the_tested_versions_and_of_what_make_wheel_writes() -> None:
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    bases = re.findall(r"^FROM (\S+)$", DOCKERFILE, re.MULTILINE)
    assert bases == [f"rayproject/ray:{pinned['ray']}-py311-${{DEVICE}}"]
    assert project["requires-python"] == ">=3.11"
    # Other than Ray's images, ours bears its own version; the same name where it is built and where it is used.
    tag = f"{project['name']}:{project['version']}"
    assert set(re.findall(r"kgprism:\S+", DOCKERFILE)) == {tag, f"{tag}-gpu"}
    docker = own_image()["docker"]
    assert [docker[key].rpartition("/")[2] for key in ("head_image", "worker_image")] == [tag, f"{tag}-gpu"]
    # The folder that it is built from is `dist`, and all that it takes from there is what `make wheel` leaves.
    builds = re.findall(r"^#   docker build [^#\n]* (\w+) *(?:#.*)?$", DOCKERFILE, re.MULTILINE)
    assert builds == ["dist", "dist"]
    assert re.findall(r"^COPY (.+)$", DOCKERFILE, re.MULTILINE) == ["constraints.txt kgprism-*.whl /tmp/dist/"]
    assert "-c /tmp/dist/constraints.txt" in DOCKERFILE


def test_home_is_one_place_in_the_image_and_on_the_cluster() -> None:
    (home,) = re.findall(r"KGPRISM_HOME=(\S+)", DOCKERFILE)
    assert f"--env KGPRISM_HOME={home}" in plain(TEXT)["docker"]["run_options"]
    assert any(option.endswith(f":{home}") for option in plain(TEXT)["docker"]["run_options"])
    assert "ENTRYPOINT" not in DOCKERFILE  # Ray appends `bash` to what it starts


@CONFIGS
def test_the_cluster_asks_for_the_token_and_opens_no_port(config: dict[str, Any]) -> None:
    assert any("RAY_AUTH_MODE=token" in option for option in config["docker"]["run_options"])
    assert config["file_mounts"]["/home/ray/.ray/auth_token"] == "~/.ray/auth_token"
    assert "security_group" not in config["provider"]
    assert "--dashboard-host=127.0.0.1" in config["head_start_ray_commands"][-1]
    assert "--disable-usage-stats" in config["head_start_ray_commands"][-1]
    assert not any("0.0.0.0" in command for command in config["head_start_ray_commands"])


def test_workers_come_with_the_work_and_go() -> None:
    config = plain(TEXT)
    workers = [kind for name, kind in config["available_node_types"].items() if name != config["head_node_type"]]
    assert workers
    assert all(kind["min_workers"] == 0 for kind in workers)
    assert all(kind["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"} for kind in workers)
    assert 0 < config["idle_timeout_minutes"] <= 30


def test_what_is_mounted_is_a_file_of_ours_or_what_make_wheel_writes() -> None:
    mounted = [local for local in plain(TEXT)["file_mounts"].values() if not local.startswith("~")]
    assert "dist" in mounted
    assert re.search(
        r"^wheel:.*\n(\t.*\n)*\t.*--outdir dist .*\n\tcp constraints.txt dist$",
        (ROOT / "Makefile").read_text(),
        re.MULTILINE,
    )
    assert all((ROOT / local).exists() for local in mounted if local != "dist")


@pytest.mark.parametrize(
    "secret",
    [
        "AKIA" + "ABCDEFGHIJKLMNOP",
        "arn:aws:iam::" + "123456789012" + ":role/x",
        "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
        "RAY_AUTH_TOKEN=" + "0123456789abcdef" * 4,
        "Authorization: Bearer " + "0123456789abcdef" * 4,
    ],
)
def test_a_secret_would_be_seen(secret: str) -> None:
    assert any(re.search(shape, secret) for shape in SECRETS.values())


def test_no_secret_is_in_any_file() -> None:
    listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]
    assert ROOT / "cluster.yaml" in files
    texts = {file: file.read_text(errors="replace") for file in files if file.suffix != ".png"}
    found = [
        f"{file}: {name}" for file, text in texts.items() for name, shape in SECRETS.items() if re.search(shape, text)
    ]
    assert not found
