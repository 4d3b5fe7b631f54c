"""The commands: prepare, train, evaluate, enhance, benchmark."""

import importlib
import sys

import tyro

from speech_enhancement.configuration import Benchmark, Command, Enhance, Evaluate, Prepare, Train

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
        print(f"error: {_one_line(error)}", file=sys.stderr)
        return 1


def _one_line(error: Exception) -> str:
    """The message's first line; of an error that a data worker sent, with its traceback, the last one."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1].partition(": ")[2] if lines[0].startswith("Caught ") else lines[0]


if __name__ == "__main__":
    sys.exit(main())
