"""The command line before it runs a command, and when one of its processes dies."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

from speech_enhancement.__main__ import main
from speech_enhancement.commands import enhance


def test_help_does_not_load_torch():
    code = (
        "import sys; sys.argv = ['x', '--help']\n"
        "from speech_enhancement.__main__ import main\n"
        "try: main()\nexcept SystemExit: print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert result.stdout.splitlines()[-1] == "False", result.stderr


def test_a_process_that_is_killed_is_told_in_a_line(monkeypatch, capsys):
    """Who runs out of memory reads no traceback."""

    def run(_):
        with ProcessPoolExecutor(1) as pool:
            pool.submit(_end).result()

    monkeypatch.setattr(enhance, "run", run)
    monkeypatch.setattr(sys, "argv", ["speech-enhancement", "enhance", "noisy.wav", "--out", "out"])
    assert main() == 1
    assert capsys.readouterr().err.startswith("error: enhance: expected its processes to end by themselves, got one")


def _end():
    os.kill(os.getpid(), signal.SIGKILL)
