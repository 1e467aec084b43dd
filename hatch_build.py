"""Puts the built console into the wheel and the source archive: whoever installs either needs no Node.js."""

import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class ConsoleBuildHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build it where it is not there yet. An editable install leaves that to `make console`."""
        root = Path(self.root)
        if version != "editable" and not (root / "src/ringfence/web/console/index.html").is_file():
            subprocess.run([root / "scripts/console.sh", "build"], check=True, stdin=subprocess.DEVNULL)
