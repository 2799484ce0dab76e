"""Records what every command prints. Read the difference before you commit it."""

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.support.scenario import DATA, FORMATS, as_text, outputs, recorded
from tests.support.screens import SCREENS, screens

if __name__ == "__main__":
    SCREENS.mkdir(exist_ok=True)
    for name, text in screens():
        (SCREENS / name).write_text(text)
    DATA.mkdir(exist_ok=True)
    for style in FORMATS:
        with tempfile.TemporaryDirectory() as folder:
            for name in ("XDG_CONFIG_HOME", "SIPCTL_STATE_DIR", "SIPCTL_DATA_DIR"):
                os.environ[name] = f"{folder}/{name.lower()}"
            work = Path(folder) / "work"
            work.mkdir()
            recorded(style).write_text(as_text(list(outputs(style, work))))
