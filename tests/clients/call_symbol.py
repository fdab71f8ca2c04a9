"""Call one NVML symbol as an old program would, and print what came back as JSON.

`call_symbol.py nvmlDeviceGetPciInfo gpu buffer`: an argument is a number, or one of the things named below. The buffer
is full of a canary, so that its bytes tell what the call wrote.
"""

import ctypes
import json
import sys

CANARY = 0xA5
ROOM = 320

nvml = ctypes.CDLL("libnvidia-ml.so.1")
gpu = ctypes.c_void_p()
events = ctypes.c_void_p()
count = ctypes.c_uint(4)
buffer = (ctypes.c_ubyte * ROOM)(*[CANARY] * ROOM)
things = {"gpu": gpu, "events": events, "count": ctypes.byref(count), "buffer": buffer}

assert nvml.nvmlInit_v2() == 0
assert nvml.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(gpu)) == 0
assert nvml.nvmlEventSetCreate(ctypes.byref(events)) == 0

symbol, *arguments = sys.argv[1:]
code = getattr(nvml, symbol)(*(things[word] if word in things else int(word) for word in arguments))
json.dump({"code": code, "count": count.value, "buffer": bytes(buffer).hex()}, sys.stdout)
