"""A method of another package: LoginMEA that notes every epoch it trains, and does to its run what `fault` says.

``hold@3`` waits before the third epoch until the test says so; ``hungry@3`` takes 2048 scored queries for a whole GPU.
"""

import json
import os
import time
from pathlib import Path

import ray
import torch

from kgprism.methods.loginmea import LoginMEA
from kgprism.platform import configuration
from kgprism.platform.part import Stateless


class Config(LoginMEA.Config):
    fault: Stateless[str] = ""


class Faulty(LoginMEA):
    Config = Config

    def start_epoch(self, epoch: int) -> None:
        super().start_epoch(epoch)
        if not ray.is_initialized():
            return
        context = ray.get_runtime_context()
        there = {"node": context.get_node_id(), "process": os.getpid(), "gpus": ray.get_gpu_ids()}
        line = {"run": configuration.digest(configuration.flatten(self.config, stateless=False), self.seed)}
        line |= {"epoch": epoch + 1, "chunk": self.config.eval.chunk, **there}
        word, _, number = self.config.fault.partition("@")
        due = number == str(epoch + 1)
        # Read at each call: one process of tests meets one machine after another.
        folder = Path(os.environ["KGPRISM_FAULTS"])
        # One short line, appended in one piece whoever else writes.
        with (folder / "log").open("a") as log:
            log.write(json.dumps(line | {"held": due and word == "hold"}) + "\n")
        while due and word == "hold" and not (folder / "open").exists():
            time.sleep(0.05)
        if due and word == "hungry" and self.config.eval.chunk > 2048 * context.get_assigned_resources()["GPU"]:
            raise torch.OutOfMemoryError(f"CUDA out of memory. Tried to score {self.config.eval.chunk} queries.")
