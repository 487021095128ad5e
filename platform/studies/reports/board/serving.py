"""A folder of pages and TensorBoard, each served from this process: with it, both end."""

import errno
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO, StringIO
from pathlib import Path
from threading import Lock, Thread
from time import monotonic
from typing import Any
from urllib.parse import unquote, urlsplit

from tensorboard import program
from tensorboard.util import tb_logging

from kgprism.platform.errors import ConfigurationError

#: Ports that are tried one after the other.
_TRIED = 50
#: Seconds between two looks for what has changed.
_PAUSE = 5.0
#: Seconds between TensorBoard's looks for new events.
_RELOAD = 5


class Pages:
    """What is served: a folder's files, and a first page; `refresh` brings both up to date and returns that page."""

    def __init__(self, folder: Path, refresh: Callable[[], str]) -> None:
        self.folder, self.refresh = folder.resolve(), refresh
        self.lock, self.looked, self.start = Lock(), -_PAUSE, ""

    def first(self) -> str:
        """Return the first page, made again if that was some seconds ago; whoever comes meanwhile waits for it."""
        with self.lock:
            if monotonic() - self.looked >= _PAUSE:
                self.start = self.refresh()
                self.looked = monotonic()
            return self.start

    def file(self, address: str) -> Path | None:
        """Return the file of an address, none for what is outside of the folder, hidden, or no file."""
        steps = unquote(urlsplit(address).path, errors="replace").split("/")
        if any(step.startswith(".") or "\\" in step or "\0" in step for step in steps):
            return None
        found = self.folder.joinpath(*filter(None, steps))
        try:
            inside = found.resolve().is_relative_to(self.folder)
            return found if inside and found.is_file() else None
        except OSError:
            return None


class _Handler(SimpleHTTPRequestHandler):
    """Answers with pages; nothing is listed, and nothing is logged."""

    def __init__(self, pages: Pages, *others: Any) -> None:
        self.pages = pages
        super().__init__(*others, directory=str(pages.folder))

    def send_head(self) -> Any:
        """Answer with the first page or a file."""
        try:
            path = urlsplit(self.path).path
        except ValueError:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return None
        if path in ("/", "/index.html"):
            return self._text(self.pages.first())
        if path.endswith(".html"):
            self.pages.first()
        if self.pages.file(self.path) is None:
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        return super().send_head()

    def _text(self, text: str) -> BytesIO:
        data = text.encode()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        return BytesIO(data)

    def end_headers(self) -> None:
        """Let no browser show what was there before."""
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *values: Any) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    """A thread a client."""

    daemon_threads = True
    # Later Pythons let two servers have one port.
    allow_reuse_port = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let a client that went away go without a word."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextmanager
def serving(pages: Pages, host: str, port: int) -> Iterator[str]:
    """Serve pages at the first free port from `port` on; yield the address.

    Raises:
        ConfigurationError: if there is no such host here, or no free port.
    """
    server = _bound(pages, host, port)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield address(host, server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


def start_tensorboard(folder: Path, host: str, port: int) -> str:
    """Start TensorBoard on a folder at the first free port from `port` on, in this process; return the address.

    What reads the event files for it is a process that ends with this one, however this one ends.

    Raises:
        ConfigurationError: if there is no such host here, or no free port.
    """
    tb_logging.get_logger().setLevel("ERROR")
    for number in _ports(port):
        board = program.TensorBoard()
        words = ["--logdir", str(folder), "--host", host, "--port", str(number), "--reload_interval", str(_RELOAD)]
        # It says how to have fewer functions.
        with redirect_stderr(StringIO()):
            board.configure(argv=["tensorboard", *words])
            try:
                board.launch()
            except program.TensorBoardPortInUseError:
                continue
            except program.TensorBoardServerException as error:
                raise ConfigurationError(f"--host {host}: {error.msg}") from None
        return address(host, number)
    raise ConfigurationError(f"--port {port}: no free port from there on")


def address(host: str, port: int) -> str:
    """Return what a browser opens."""
    named = f"[{host}]" if ":" in host else host
    return f"http://{named}:{port}/"


def family_of(host: str) -> int:
    """Return the kind of a host's address, and refuse one that is not this machine's.

    Raises:
        ConfigurationError: if there is no such host, or it is another.
    """
    try:
        (family, _, _, _, place), *_ = socket.getaddrinfo(host, 0, type=socket.SOCK_STREAM)
        with socket.socket(family) as tried:
            tried.bind(place)
    except (OSError, UnicodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "no name of a host"
        raise ConfigurationError(f"--host {host}: {told}") from None
    return family


def _bound(pages: Pages, host: str, port: int) -> ThreadingHTTPServer:
    kind = type("_Server", (_Server,), {"address_family": family_of(host)})
    for number in _ports(port):
        try:
            found: ThreadingHTTPServer = kind((host, number), partial(_Handler, pages))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise ConfigurationError(f"--host {host}: {error.strerror}") from None
        else:
            return found
    raise ConfigurationError(f"--port {port}: no free port from there on")


def _ports(first: int) -> range:
    return range(first, min(first + _TRIED, 2**16))
