"""The command `train`: a system or the U-Net, trained on a prepared corpus."""

from speech_enhancement.configuration import Train
from speech_enhancement.engine.distributed import process_group
from speech_enhancement.engine.system_training import SystemTraining
from speech_enhancement.engine.trainer import Experiment


def run(configuration: Train) -> int:
    """Train, or go on training; always 0, since what goes wrong raises."""
    kind = Experiment if configuration.system == "unet" else SystemTraining
    with process_group(configuration.device) as process:
        kind(configuration, process).run()
    return 0
