"""`python -m tests.processes.waiting [UID [MILLISECONDS]]`: a client that waits in nvmlEventSetWait_v2, through pynvml.

It says "ready" once it is registered for the Xids of all GPUs, and then each event that it gets, up to an Xid of 0, or
"timeout".
"""

import os
import sys

import pynvml

user = int(sys.argv[1]) if len(sys.argv) > 1 else os.getuid()
timeout = int(sys.argv[2]) if len(sys.argv) > 2 else 3600 * 1000

pynvml._LoadNvmlLibrary()
if user != os.getuid():
    os.setuid(user)
pynvml.nvmlInit()
events = pynvml.nvmlEventSetCreate()
gpus = {}
for index in range(pynvml.nvmlDeviceGetCount()):
    device = pynvml.nvmlDeviceGetHandleByIndex(index)
    gpus[pynvml.nvmlDeviceGetUUID(device)] = index
    pynvml.nvmlDeviceRegisterEvents(device, pynvml.nvmlEventTypeXidCriticalError, events)
print("ready", flush=True)
try:
    while True:
        data = pynvml.nvmlEventSetWait_v2(events, timeout)
        print(gpus[pynvml.nvmlDeviceGetUUID(data.device)], data.eventData, flush=True)
        if data.eventData == 0:
            break
except pynvml.NVMLError_Timeout:
    print("timeout", flush=True)
