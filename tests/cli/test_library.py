from pathlib import Path

from tests.cli.conftest import Cli


def test_the_folder_holds_both_names(cli: Cli) -> None:
    folder = Path(cli("library").stdout.removesuffix("\n"))

    assert folder.is_absolute()
    assert (folder / "libnvidia-ml.so.1").is_file()
    assert (folder / "libnvidia-ml.so").is_file()
