"""The commands: prepare, train, evaluate, enhance, export, live, benchmark."""

import importlib
import sys
from concurrent.futures import BrokenExecutor
from pathlib import Path

import tyro

from speech_enhancement.configuration import Benchmark, Command, Enhance, Evaluate, Export, Live, Prepare, Train
from speech_enhancement.files.failures import missing_task, one_line

_COMMAND = "speech-enhancement"
_MODULES = {
    Prepare: "speech_enhancement.commands.prepare",
    Train: "speech_enhancement.commands.train",
    Evaluate: "speech_enhancement.commands.evaluate",
    Enhance: "speech_enhancement.commands.enhance",
    Export: "speech_enhancement.commands.export",
    Live: "speech_enhancement.commands.live",
    Benchmark: "speech_enhancement.commands.benchmark",
}
_EXTRAS = {"onnx": "onnx", "fastapi": "live", "gradio": "live", "uvicorn": "live"}
"""The extra that installs an optional package, by the package's name."""


def main() -> int:
    """Run one command; the exit status is 0 if all went well, 1 if something failed, 130 after Ctrl-C."""
    for stream in (sys.stdout, sys.stderr):
        # Names of files may hold bytes that are not UTF-8.
        stream.reconfigure(errors="backslashreplace")
    try:
        configuration = tyro.cli(
            Command,
            prog=_COMMAND if Path(sys.argv[0]).stem == _COMMAND else "python -m speech_enhancement",
            config=(tyro.conf.OmitSubcommandPrefixes, tyro.conf.OmitArgPrefixes),
        )
        return importlib.import_module(_MODULES[type(configuration)]).run(configuration)
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130
    except NotImplementedError as error:
        missing = missing_task(error)
        if missing is None:
            raise
        print(f"error: {type(configuration).__name__.lower()}: {missing}", file=sys.stderr)
        return 1
    except ModuleNotFoundError as error:
        if error.name not in _EXTRAS:
            raise
        command, extra = type(configuration).__name__.lower(), _EXTRAS[error.name]
        install = f"pip install 'speech-enhancement[{extra}]'"
        print(f"error: {command}: expected the package {error.name}, got none; {install} adds it", file=sys.stderr)
        return 1
    except BrokenExecutor:
        command, expected = type(configuration).__name__.lower(), "expected its processes to end by themselves"
        print(f"error: {command}: {expected}, got one that was killed; is there too little memory?", file=sys.stderr)
        return 1
    except (ValueError, OSError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
