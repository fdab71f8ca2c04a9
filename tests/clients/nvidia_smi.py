"""NVIDIA's unmodified nvidia-smi, of the branches of the driver that Debian has."""

import subprocess

from tests.debian import fetch_or_skip

SUITES = {470: "bullseye", 535: "bookworm", 550: "trixie"}
DRIVERS = {470: "470.256.02", 535: "535.261.03", 550: "550.163.01"}
# With those that few have: a package of its own, and a suite that comes and goes.
PACKAGES = {branch: ("nvidia-smi", suite) for branch, suite in SUITES.items()}
PACKAGES |= {525: ("nvidia-tesla-smi", "bookworm"), 555: ("nvidia-smi", "experimental")}
VERSIONS = DRIVERS | {525: "525.147.05", 555: "555.58.02"}


class Smi:
    """Runs the program of a branch of the driver."""

    def __init__(self, branch: int, env: dict[str, str]) -> None:
        (self.program,) = fetch_or_skip(*PACKAGES[branch]).glob("usr/lib/nvidia/*/nvidia-smi")
        self.env = env
        self.prefix: list[str] = []  # a command that runs it

    def __call__(self, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        # Some wrong answers of a library make it run, or print, for ever; others make it print what is no text.
        return subprocess.run(
            [*self.prefix, self.program, *arguments],
            env=self.env | env,
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=30,
        )

    def lines(self, *arguments: str, **env: str) -> list[str]:
        result = self(*arguments, **env)
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout.splitlines()
