"""Named faults: broken GPUs, broken drivers, and calls that fail. One file of this folder declares one fault.

>>> node = Node.create("/tmp/node", gpus=8)
>>> node.faults.inject("xid", gpu=0, xid=79)
<xid xid=79 on GPU 0>
>>> node.faults.clear()
1
"""

from mocknvml.faults.active import ActiveFault, Faults
from mocknvml.faults.catalogue import FAULTS

__all__ = ["FAULTS", "ActiveFault", "Faults"]
