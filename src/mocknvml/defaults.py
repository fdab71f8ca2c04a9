"""What a node is when nobody says otherwise, and how large one may be. The C takes these from here too (state.h)."""

from typing import Final

PROFILE: Final = "dgx-a100"
GPUS: Final = 8
DRIVER: Final = "550.54.15"
MAX_GPUS: Final = 16384
