"""The command `train`: a system, trained on a prepared corpus."""

from speech_enhancement.configuration import Train
from speech_enhancement.engine.distributed import process_group
from speech_enhancement.engine.trainer import train


def run(configuration: Train) -> int:
    """Train, or resume training; always 0, since everything that goes wrong raises."""
    with process_group(configuration.device) as process:
        train(configuration, process)
    return 0
