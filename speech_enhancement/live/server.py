"""A server of the page for this machine alone.

It listens on the loopback address, answers only requests that name that address, and only its own page may send it
anything, so that no other page in the browser can. The page may load nothing from elsewhere. Uploads are in a folder
that goes with the server; the page deletes each as soon as it has been read. Gradio's analytics, history of runs, and
links to other places are off.
"""

import os
import socket
import tempfile
from collections.abc import Callable
from importlib.resources import files

import fastapi
import gradio
import uvicorn

from speech_enhancement.live.page import make_page
from speech_enhancement.systems.system import System

LARGEST_MEGABYTES = 100
_ADDRESS = "127.0.0.1"
_POLICY = "; ".join(
    (
        "default-src 'self'",
        # Gradio's HTML parts are templates that it evaluates.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        *(f"{kind}-src 'self' data: blob:" for kind in ("img", "media", "font", "connect", "worker")),
        "frame-ancestors 'none'",
    )
)


def serve(model: System, port: int) -> None:
    """Serve the page until the process is interrupted.

    Args:
        model: in evaluation mode.
        port: to listen on; 0 for any that is free.

    Raises:
        OSError: the port is taken.
    """
    with socket.create_server((_ADDRESS, port)) as listening, tempfile.TemporaryDirectory() as uploads:
        port = listening.getsockname()[1]
        os.environ["GRADIO_TEMP_DIR"] = uploads
        app = make_app(model, port)
        print(f"http://{_ADDRESS}:{port} (Control+C stops it)", flush=True)
        # An open page keeps a connection, for which the server would wait at the end.
        settings = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
        uvicorn.Server(settings).run(sockets=[listening])


def make_app(model: System, port: int) -> fastapi.FastAPI:
    """Make the application that serves the page at a port."""
    app = fastapi.FastAPI(openapi_url=None)
    hosts = {f"{name}:{port}" for name in (_ADDRESS, "localhost")}

    @app.middleware("http")
    async def guard(request: fastapi.Request, answer: Callable) -> fastapi.Response:
        host = request.headers.get("host")
        if host not in hosts or request.headers.get("origin", f"http://{host}") != f"http://{host}":
            return fastapi.Response(status_code=403)
        response = await answer(request)
        response.headers["Content-Security-Policy"] = _POLICY
        return response

    return gradio.mount_gradio_app(
        app,
        make_page(model),
        path="/",
        max_file_size=f"{LARGEST_MEGABYTES}mb",
        # Fonts of the machine, since those of Gradio's own themes come from elsewhere.
        theme=gradio.themes.Base(font=["system-ui", "sans-serif"], font_mono=["monospace"]),
        css=(files("speech_enhancement.live") / "page.css").read_text(encoding="utf-8"),
        footer_links=[],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
    )
