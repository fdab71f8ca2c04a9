"""profiles.h: the built-in profiles as words of a GPU's block."""

from __future__ import annotations

from mocknvml.profiles import builtin, load_profile


def profiles_header() -> str:
    lines = ["/* Generated from src/mocknvml/profiles, do not edit. */", '#include "node.h"']
    entries = []
    for number, name in enumerate(builtin()):
        image = load_profile(name).image()
        offsets = ", ".join(str(offset) for offset in image)
        values = ", ".join(f"{value:#x}u" for value in image.values())
        addresses = ", ".join(f"{address:#x}" for address in load_profile(name).addresses)
        lines += [
            f"static const uint32_t offsets_{number}[] = {{{offsets}}};",
            f"static const uint64_t values_{number}[] = {{{values}}};",
            f"static const uint32_t addresses_{number}[] = {{{addresses}}};",
        ]
        entries.append(
            f'    {{"{name}", offsets_{number}, values_{number}, {len(image)}, addresses_{number}, '
            f"{len(load_profile(name).addresses)}}},"
        )
    return "\n".join(
        [
            *lines,
            f"#define MOCK_PROFILES {len(entries)}",
            f'#define MOCK_PROFILE_NAMES "{", ".join(builtin())}"',
            "static const struct mock_profile mock_profiles[MOCK_PROFILES] = {",
            *entries,
            "};",
            "",
        ]
    )
