"""What all tests share: the compiled library, and an environment in which clients find it."""

import os
import signal
from pathlib import Path

import pytest

import mocknvml
from mocknvml import defaults

# A shell's background job ignores it, and so would all that tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def library() -> Path:
    """The library under test: that of the package, or another build of it (MOCKNVML_TEST_LIBRARY)."""
    default = Path(mocknvml.__file__).parent / "lib" / "libnvidia-ml.so.1"
    path = Path(os.environ.get("MOCKNVML_TEST_LIBRARY", default))
    assert path.exists(), f"{path} is missing; `make` builds it"
    return path


@pytest.fixture
def mock_env(library: Path) -> dict[str, str]:
    """An environment for a client: it finds the library, and no setting of the caller's changes the node.

    The version is the default. That it is given keeps a client from a node at a default path of the machine.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith("MOCK_NVML_")}
    return env | {"LD_LIBRARY_PATH": str(library.parent), "MOCK_NVML_DRIVER_VERSION": defaults.DRIVER}
