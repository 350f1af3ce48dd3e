"""Builds the kernel into wheels and editable installs. pyproject.toml has all else, and names this file as its backend.

Without a C compiler, the package `ziglang` is required, for the time of building. If the kernel cannot be built,
Rhapsode is installed without it: numpy does its work. RHAPSODE_KERNEL=numpy asks for that. RHAPSODE_TARGET, a target of
zig, asks for a wheel for another machine: see `rhapsode.arithmetic.build`.
"""

import os
import sys
from pathlib import Path

from setuptools import build_meta, setup
from setuptools.build_meta import *  # noqa: F403  this file is a backend
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

SOURCE = Path(__file__).parent / "src"
sys.path.insert(0, str(SOURCE))
from rhapsode.arithmetic import build, kernel  # noqa: E402  it needs nothing but Python

WANTED = os.environ.get(kernel.VARIABLE) != kernel.NUMPY
TARGET = os.environ.get("RHAPSODE_TARGET")


def get_requires_for_build_wheel(config_settings=None):
    return build_meta.get_requires_for_build_wheel(config_settings) + build.requires(TARGET) * WANTED


def get_requires_for_build_editable(config_settings=None):
    return build_meta.get_requires_for_build_editable(config_settings) + build.requires(TARGET) * WANTED


class BuildWithKernel(build_py):
    platform = None
    """The platform of the kernel in a wheel's tag, "" for that of this machine; None without a kernel."""

    def run(self):
        super().run()
        folder = Path(SOURCE if self.editable_mode else self.build_lib, "rhapsode", "arithmetic")
        if not self.editable_mode:
            for other in folder.glob("libkernel.*"):  # of a wheel that was built before
                other.unlink()
        if WANTED:
            try:
                build.build(TARGET, folder)
                self.platform = build.TARGETS.get(TARGET, "")
            except build.CannotBuild as error:
                print(f"The kernel is left out, numpy does its work: {error}", file=sys.stderr)


class WheelForPlatform(bdist_wheel):
    """Its tag says for which system and processor the kernel is, and that any version of Python 3 can load it."""

    def get_tag(self):
        platform = self.get_finalized_command("build_py").platform
        if platform is None:
            return super().get_tag()
        self.root_is_pure = False
        return "py3", "none", platform or super().get_tag()[2]


if __name__ == "__main__":
    setup(cmdclass={"build_py": BuildWithKernel, "bdist_wheel": WheelForPlatform})
