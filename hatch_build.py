"""What is built at the installation: the console, so that it needs no Node.js, and the modules in C, where they can be.

The modules make media messages cheaper and change nothing else; `ringfence doctor` says whether they are there.
`CC` names another compiler than `cc`; a name that does not exist (`CC=none`) leaves them out.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NATIVE = ("src/ringfence/audio/_filters.c", "src/ringfence/telephony/carriers/twilio/_frames.c")
FLAGS = ("-std=c11", "-O3", "-Wall", "-Wextra", "-fPIC", "-shared", "-s")
SUFFIX = ".abi3.so"


class BuildHook(BuildHookInterface):  # type: ignore[type-arg]
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        # An editable installation leaves the console to `make console`.
        if version != "editable" and not (root / "src/ringfence/web/console/index.html").is_file():
            subprocess.run([root / "scripts/console.sh", "build"], check=True, stdin=subprocess.DEVNULL)
        if self.target_name == "wheel" and (built := self._build_native(root)):
            build_data["artifacts"] += built
            build_data["pure_python"] = False
            build_data["tag"] = f"cp311-abi3-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"

    def _build_native(self, root: Path) -> list[str]:
        """Beside their sources. None of them where one cannot be built, nor any that was left by an earlier build."""
        built = [Path(source).with_suffix(SUFFIX) for source in NATIVE]
        why = self._obstacle()
        for source, module in zip(NATIVE, built, strict=True):
            if not why:
                why = _compile(root / source, root / module)
        if not why:
            return [str(module) for module in built]
        for module in built:
            (root / module).unlink(missing_ok=True)
        self.app.display_warning(f"Without the modules in C: {why}")
        return []

    def _obstacle(self) -> str:
        if sys.platform != "linux" or sys.implementation.name != "cpython":
            return "they are for CPython on Linux"
        if sysconfig.get_config_var("Py_GIL_DISABLED"):
            return "a Python without its lock has no stable interface"
        if not Path(sysconfig.get_path("include"), "Python.h").is_file():
            return "Python's headers are missing"
        return "" if shutil.which(_compiler()[0]) else "there is no C compiler"


def _compiler() -> list[str]:
    return shlex.split(os.environ.get("CC") or "cc")  # noqa: TID251 (not the program's settings)


def _compile(source: Path, module: Path) -> str:
    """Empty, or why not. The module appears whole: a server may be running on the old one."""
    unfinished = module.with_name(f".{module.name}.{os.getpid()}")
    include = sysconfig.get_path("include")
    command = [*_compiler(), *FLAGS, "-isystem", include, "-o", str(unfinished), str(source)]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
        )
        if result.returncode:
            return result.stderr.strip() or f"{command[0]} failed"
        unfinished.replace(module)
        return ""
    except OSError as error:
        return str(error)
    finally:
        unfinished.unlink(missing_ok=True)
