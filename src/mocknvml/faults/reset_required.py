"""A GPU that needs a reset. Name and ids are still told; readings of the hardware answer RESET_REQUIRED.

nvidia-smi's queries show "[GPU requires reset]" for utilization, memory, temperature and power, and the recovery action
Reset; DCGM-like monitors meet the code from the same functions (leptonai/gpud, pull request 1133).
"""

from mocknvml.faults.common import GPU_RESET, RESET_REQUIRED, recovery
from mocknvml.faults.vocabulary import Fault, fail, put

FAULT = Fault(
    name="reset-required",
    summary="The GPU requires a reset: its recovery action says so, and its readings answer RESET_REQUIRED.",
    source="leptonai/gpud PR 1133; scitix/sichek PR 121 (nvidia-smi -q: GPU Recovery Action)",
    changes=(
        put("recovery.action", GPU_RESET),
        put("recovery.reset_required", 1),
        fail("utilization.gpu", RESET_REQUIRED),
        fail("utilization.memory", RESET_REQUIRED),
        fail("memory.total", RESET_REQUIRED),
        fail("thermal.temperature.gpu", RESET_REQUIRED),
        fail("power.usage", RESET_REQUIRED),
    ),
    events=recovery(),
    ends_with_reset=True,
)
