"""nvmlDeviceGetFieldValues: every id of nvml.h, and what scopeId means to it."""

import platform
import re
from functools import cache

from mocknvml.codegen import header
from mocknvml.codegen.build import zig
from mocknvml.codegen.header import Header
from mocknvml.nvml import FIELD_IDS, NO_FIELDS


@cache
def model() -> Header:
    return header.load(zig(platform.machine()))


def test_every_field_id_of_the_header_stands_in_the_table_once() -> None:
    constants = model().constants
    ids = {number for name, number in constants.items() if re.match(r"NVML_FI_(?!MAX$)", name)}

    listed = [constants[row.name] for row in (*FIELD_IDS, *NO_FIELDS)]

    assert len(ids) > 300
    assert sorted(listed) == sorted(ids)
