"""Whether Ray answers at a cluster's address: asked in seconds, where Ray itself would try for a quarter of an hour."""

import os
import socket
from pathlib import Path
from urllib.parse import urlsplit

#: Seconds that a connection, and then an answer, may take.
PATIENCE = 5.0
#: How HTTP/2, and so gRPC, begins: its greeting and an empty frame of settings (RFC 9113, 3.4).
_GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
#: The fourth byte of the frame that answers it.
_SETTINGS = b"\x04"


def trouble(address: str | None) -> tuple[str, str] | None:
    """Return what is wrong with an address and what to do, or none; without one, of the cluster that Ray would join."""
    where = "RAY_ADDRESS" if address and address == os.environ.get("RAY_ADDRESS") else "the address"
    advice = f"is the cluster up, and {where} right? Without one, runs are carried out on this machine"
    if address in (None, "auto"):
        file = _noted()
        if not file.is_file():
            return None
        address, advice = file.read_text(encoding="utf-8").strip(), f"delete {file}, which a dead session has left"
    elif address == "local":
        return None
    assert address is not None
    parts = urlsplit(address if "://" in address else f"ray://{address}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme != "ray" or not host or not port:
        return f"{address!r} is no address", "write HOST:PORT, as `ray start --head` prints it"
    found = _answer(host, port)
    return (f"nobody answers at {address}: {found}", advice) if found else None


def names_cluster() -> bool:
    """Tell whether Ray would join a cluster here, whose other machines may have what this one has not."""
    return os.environ.get("RAY_ADDRESS", "local") not in ("", "local") or _noted().is_file()


def _noted() -> Path:
    """Return the file in which ``ray start`` notes where it listens."""
    folder = os.environ.get("RAY_TMPDIR") or os.environ.get("TMPDIR") or "/tmp"
    return Path(folder) / "ray" / "ray_current_cluster"


def _answer(host: str, port: int) -> str:
    """Return why nobody there speaks gRPC, or nothing."""
    try:
        with socket.create_connection((host, port), PATIENCE) as wire:
            if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
                return ""
            wire.sendall(_GREETING)
            return "" if wire.recv(9)[3:4] == _SETTINGS else "what listens there is not Ray"
    except TimeoutError:
        return f"nothing came within {PATIENCE:g} s"
    except OSError as error:
        return error.strerror or str(error)
