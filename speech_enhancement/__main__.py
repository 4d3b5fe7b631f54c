"""The commands: prepare, train, evaluate, enhance, benchmark."""

import importlib
import sys

import tyro

from speech_enhancement.configuration import Benchmark, Command, Enhance, Evaluate, Prepare, Train
from speech_enhancement.files.failures import missing_task, one_line

_MODULES = {
    Prepare: "speech_enhancement.commands.prepare",
    Train: "speech_enhancement.commands.train",
    Evaluate: "speech_enhancement.commands.evaluate",
    Enhance: "speech_enhancement.commands.enhance",
    Benchmark: "speech_enhancement.commands.benchmark",
}


def main() -> int:
    """Run one command; the exit status is 0 if all went well, 1 if something failed, 130 after Ctrl-C."""
    try:
        configuration = tyro.cli(
            Command,
            prog="python -m speech_enhancement",
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
    except (ValueError, OSError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
