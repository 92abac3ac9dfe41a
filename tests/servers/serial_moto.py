"""moto, one request after another: `python -m tests.servers.serial_moto HOST PORT`.

moto looks for an object and then stores the new one, and answers many requests at once, so that under load two exclusive creations
of one key may both succeed, which S3 rules out. Here a request is answered alone, once all of it has come.
"""

from __future__ import annotations

import io
import sys
import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

__all__ = ["OneAtATime"]


class OneAtATime:
    """Lets one request after another into an application.

    Args:
        application: The application.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._turn = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        length = environ.get("CONTENT_LENGTH")
        if length:  # read before the turn: a slow sender keeps nobody waiting
            environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(int(length)))
        with self._turn:
            return [b"".join(self._application(environ, start_response))]


def main(host: str, port: int) -> None:
    """Serve until the process is ended."""
    run_simple(host, port, OneAtATime(DomainDispatcherApplication(create_backend_app)), threaded=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
