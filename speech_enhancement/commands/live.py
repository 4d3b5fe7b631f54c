"""The command `live`: the page on which a recording is heard before and after."""

from speech_enhancement.configuration import Live
from speech_enhancement.live.server import serve
from speech_enhancement.systems.model_file import load_model


def run(configuration: Live) -> int:
    """Serve the page until Control+C."""
    serve(load_model(configuration.checkpoint), configuration.port)
    return 0
