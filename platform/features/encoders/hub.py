"""The hub that several libraries take weights from, with a cache on this machine."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from kgprism.platform.features.encoders import weights as files

#: Seconds.
_PATIENCE = 3.0


def hub() -> str:
    """Say where the libraries of Hugging Face look for weights."""
    constants = files.library("huggingface_hub.constants", "text")
    return f"{constants.HF_HUB_CACHE} and at {constants.ENDPOINT}"


@contextmanager
def quick() -> Iterator[None]:
    """Let nobody in a block wait a minute for a hub that cannot be reached: it has the cache only then. No bars."""
    constants = files.library("huggingface_hub.constants", "text")
    if bars := sys.modules.get("transformers.utils.logging"):
        bars.disable_progress_bar()
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = before or not _reached(constants.ENDPOINT)
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def _reached(endpoint: str) -> bool:
    if any(os.environ.get(word) for word in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")):
        return True
    address = urlsplit(endpoint)
    try:
        with socket.create_connection((address.hostname or "", address.port or 443), _PATIENCE):
            return True
    except OSError:
        return False
