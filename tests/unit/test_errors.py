import re

from mocknvml import FieldStatus
from mocknvml.codegen.header import include_folder
from mocknvml.errors import RETURN_CODES, return_code, return_name


def test_return_codes_are_those_of_the_header() -> None:
    header = (include_folder() / "nvml.h").read_text(encoding="utf-8")
    found = re.findall(r"^\s+NVML_(SUCCESS|ERROR_\w+)\s*=\s*(\d+)", header, re.M)

    assert {name.removeprefix("ERROR_"): int(code) for name, code in found} == RETURN_CODES


def test_a_code_has_its_name_with_and_without_the_prefix() -> None:
    assert return_code("GPU_IS_LOST") == return_code("NVML_ERROR_GPU_IS_LOST") == 15
    assert return_code("NVML_SUCCESS") == 0
    assert return_code("gpu is lost") is None
    assert (return_name(3), return_name(998)) == ("NOT_SUPPORTED", "998")


def test_a_field_with_an_error_tells_it() -> None:
    error = FieldStatus("power.usage", 15)

    assert (str(error), error.code, error.name) == ("power.usage: holds NVML error 15 (GPU_IS_LOST)", 15, "GPU_IS_LOST")
