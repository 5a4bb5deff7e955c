"""A small web server for downloads that serves ranges and misbehaves on request."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Behavior:
    """What the server does with each request.

    Attributes:
        content: the file.
        break_after: body bytes after which the first ``breaks`` connections are dropped.
        breaks: how many connections are dropped so.
        ignores_range: whether it always sends the whole file.
        status: answer with this status instead, if not 200.
        starts: the first byte that each request asked for.
    """

    content: bytes
    break_after: int = 0
    breaks: int = 0
    ignores_range: bool = False
    status: HTTPStatus = HTTPStatus.OK
    starts: list[int] = field(default_factory=list)


@contextmanager
def serving(behavior: Behavior) -> Iterator[str]:
    """Serve one file on loopback; gives its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").removesuffix("-"))
            behavior.starts.append(start)
            if behavior.status != HTTPStatus.OK:
                self.send_error(behavior.status)
                return
            start = 0 if behavior.ignores_range else start
            body = behavior.content[start:]
            self.send_response(HTTPStatus.PARTIAL_CONTENT if start else HTTPStatus.OK)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if behavior.breaks:
                behavior.breaks -= 1
                body = body[: behavior.break_after]
                self.close_connection = True
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is given by the base class
            """Keep the test's output quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/file.gz"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
