"""A private SLURM on one machine, for people who want to try `--profile slurm` on a laptop, and for the tests.

    visualzero cluster up --nodes 2 --gpus 2
    export PATH=$PWD/work/cluster/bin:$PATH
    sinfo; srun --gpus=1 -p gpu env | grep CUDA
    visualzero cluster down

Debian's own slurmctld, slurmd and munged are started by hand in a folder that holds all there is of the cluster:
settings, keys, sockets, logs and state. There are no services, and nothing is written outside the folder. The nodes are
all this machine and share its cores and memory, so it shows how a study is scheduled and not how fast it runs. GPUs are
character devices that no one computes with (/dev/null and its like): SLURM hands them out and sets
CUDA_VISIBLE_DEVICES as it does with real ones.
"""

from visualzero.cluster.lifecycle import down, up
from visualzero.cluster.settings import Cluster

__all__ = ["Cluster", "down", "up"]
