"""`python -m tests.processes.waiting [UID]`: a client that waits in nvmlEventSetWait_v2, through pynvml.

It says "ready" once it is registered for the Xids of all GPUs, and then each event that it gets, up to an Xid of 0.
"""

import os
import sys

import pynvml

FOREVER = 3600 * 1000  # milliseconds

pynvml._LoadNvmlLibrary()
if len(sys.argv) > 1:
    os.setuid(int(sys.argv[1]))
pynvml.nvmlInit()
events = pynvml.nvmlEventSetCreate()
gpus = {}
for index in range(pynvml.nvmlDeviceGetCount()):
    device = pynvml.nvmlDeviceGetHandleByIndex(index)
    gpus[pynvml.nvmlDeviceGetUUID(device)] = index
    pynvml.nvmlDeviceRegisterEvents(device, pynvml.nvmlEventTypeXidCriticalError, events)
print("ready", flush=True)
while True:
    data = pynvml.nvmlEventSetWait_v2(events, FOREVER)
    print(gpus[pynvml.nvmlDeviceGetUUID(data.device)], data.eventData, flush=True)
    if data.eventData == 0:
        break
