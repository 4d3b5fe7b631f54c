"""The command line before it runs a command."""

import subprocess
import sys


def test_help_does_not_load_torch():
    code = (
        "import sys; sys.argv = ['x', '--help']\n"
        "from speech_enhancement.__main__ import main\n"
        "try: main()\nexcept SystemExit: print('torch' in sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert result.stdout.splitlines()[-1] == "False", result.stderr
