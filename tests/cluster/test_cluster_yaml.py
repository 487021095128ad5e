"""``cluster.yaml`` against Ray's own schema and checks; no cloud account is asked."""

from pathlib import Path
from typing import Any

import pytest
from ray.autoscaler._private.util import prepare_config, validate_config
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "cluster.yaml").read_text()
LOCAL = "\n".join(line.removeprefix("# local> ") for line in TEXT.splitlines() if line.startswith("# local> "))


def plain(text: str) -> dict[str, Any]:
    return YAML(typ="safe", pure=True).load(text)


def on_premise() -> dict[str, Any]:
    cloud = plain(TEXT)
    for key in ("head_node_type", "available_node_types", "initialization_commands"):
        del cloud[key]
    return cloud | plain(LOCAL)


@pytest.mark.parametrize("config", [plain(TEXT), on_premise()], ids=["aws", "local"])
def test_ray_accepts_the_cluster(config: dict[str, Any]) -> None:
    validate_config(prepare_config(config))


def test_every_version_is_the_tested_one() -> None:
    pinned = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
    docker = plain(TEXT)["docker"]
    for image in (docker["head_image"], docker["worker_image"]):
        assert image.startswith(f"rayproject/ray:{pinned['ray']}-py311")


def test_the_cluster_asks_for_the_token_and_opens_no_port() -> None:
    config = plain(TEXT)
    assert any("RAY_AUTH_MODE=token" in option for option in config["docker"]["run_options"])
    assert config["file_mounts"]["/home/ray/.ray/auth_token"] == "~/.ray/auth_token"
    assert "security_group" not in config["provider"]
    assert not any("0.0.0.0" in command for command in config["head_start_ray_commands"])


def test_what_is_mounted_is_there() -> None:
    mounted = [local for local in plain(TEXT)["file_mounts"].values() if not local.startswith("~")]
    assert mounted
    assert all((ROOT / local).exists() for local in mounted)
