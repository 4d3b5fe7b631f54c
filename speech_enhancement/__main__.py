"""The commands: prepare, train, evaluate, enhance, benchmark."""

import importlib
import sys

import tyro

from speech_enhancement.configuration import Benchmark, Command, Enhance, Evaluate, Prepare, Train
from speech_enhancement.failures import one_line

_MODULES = {
    Prepare: "speech_enhancement.corpora.commands",
    Train: "speech_enhancement.experiment",
    Evaluate: "speech_enhancement.evaluation",
    Enhance: "speech_enhancement.enhancement",
    Benchmark: "speech_enhancement.benchmark",
}


def main() -> int:
    """Run one command; the exit status is 0 where all went well, 1 where something failed, 130 after Ctrl-C."""
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
    except (ValueError, OSError) as error:
        print(f"error: {one_line(error)}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
