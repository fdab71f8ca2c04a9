"""A process that has ended and still holds memory of the GPU: it is listed, and its id names no process.

So seen in apache/mxnet, issue 4242, and qizhou000/VisEdit, issue 5 (kill: "no such process").
"""

from mocknvml.faults.vocabulary import Fault, Parameter, append

COMPUTE = 1
NO_PID = 4194304  # Linux gives out ids below this one (PID_MAX_LIMIT)

FAULT = Fault(
    name="zombie-process",
    summary="A process that no longer exists holds memory of the GPU.",
    source="apache/mxnet issue 4242; qizhou000/VisEdit issue 5",
    parameters=(
        Parameter("pid", "its id", default=NO_PID, low=1),
        Parameter("memory", "what it holds", default="1 GiB", unit="B", high=2**50),
    ),
    needs="processes.running",
    changes=(append("processes.running", {"pid": "pid", "contexts": COMPUTE, "memory": "memory"}),),
)
