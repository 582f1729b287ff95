"""The settings of a private SLURM: slurm.conf and its like, and the clients that find them."""

import getpass
import os
import shlex
import socket
from dataclasses import dataclass
from pathlib import Path

from visualzero.cluster.programs import CLIENTS, SYSTEM_PATH
from visualzero.errors import UserError

# Devices that stand for GPUs: SLURM takes only real device files.
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty")
GPU_MODEL = "fake"
ACCOUNT = "study"


@dataclass(frozen=True)
class Cluster:
    """A cluster to be: its folder, its nodes n1, n2, ..., and what each of them claims to have."""

    folder: Path
    nodes: int = 2
    gpus: int = 2
    cpus: int = 2
    memory_mb: int = 0
    accounting: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.gpus <= len(DEVICES):
            raise UserError(f"visualzero cluster: --gpus {self.gpus}: a node has 0 to {len(DEVICES)} fake GPUs")
        if not 1 <= self.nodes <= 16:
            raise UserError(f"visualzero cluster: --nodes {self.nodes}: choose 1 to 16")

    @property
    def names(self) -> list[str]:
        """The nodes' names."""
        return [f"n{i}" for i in range(1, self.nodes + 1)]

    @property
    def socket(self) -> Path:
        """Where munged listens."""
        return self.folder / "run" / "munge.socket"

    @property
    def configuration(self) -> Path:
        """The file that every SLURM program reads."""
        return self.folder / "etc" / "slurm.conf"

    @property
    def clients(self) -> Path:
        """The folder to put at the front of PATH."""
        return self.folder / "bin"


def write_settings(cluster: Cluster) -> None:
    """Write everything that the daemons and the clients read.

    Control groups are named by node and job, so job ids differ between clusters of this machine, as their ports do.
    """
    etc = cluster.folder / "etc"
    etc.mkdir(parents=True, exist_ok=True)
    control, database, *ports = _free_ports(2 + cluster.nodes)
    cluster.configuration.write_text(_slurm_conf(cluster, control, database, ports))
    gpus = "".join(f"Name=gpu Type={GPU_MODEL} File={device}\n" for device in DEVICES[: cluster.gpus])
    (etc / "gres.conf").write_text(gpus)
    (etc / "cgroup.conf").write_text(
        "CgroupMountpoint=/sys/fs/cgroup\nCgroupAutomount=no\nConstrainCores=no\nConstrainRAMSpace=yes\n"
        "ConstrainSwapSpace=no\nConstrainDevices=no\n"
    )
    if cluster.accounting:
        _write_private(etc / "slurmdbd.conf", _slurmdbd_conf(cluster, database))
    _write_clients(cluster)


def _slurm_conf(cluster: Cluster, control: int, database: int, ports: list[int]) -> str:
    host, user, root = socket.gethostname().split(".")[0], getpass.getuser(), cluster.folder
    memory = cluster.memory_mb or _memory_mb() * 9 // 10
    gres = f"Gres=gpu:{GPU_MODEL}:{cluster.gpus} " if cluster.gpus else ""
    processes = (
        "ProctrackType=proctrack/cgroup\nTaskPlugin=task/cgroup\n"
        if cgroups_usable()
        else "ProctrackType=proctrack/linuxproc\nTaskPlugin=task/none\n"
    )
    accounting = (
        "AccountingStorageType=accounting_storage/slurmdbd\nAccountingStorageHost=localhost\n"
        f"AccountingStoragePort={database}\nAccountingStoragePass={cluster.socket}\n"
        "AccountingStorageTRES=gres/gpu\nAccountingStorageEnforce=associations\n"
        if cluster.accounting
        else "AccountingStorageType=accounting_storage/none\n"
    )
    nodes = "".join(
        f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cluster.cpus} Boards=1"
        f" SocketsPerBoard=1 CoresPerSocket={cluster.cpus} ThreadsPerCore=1 RealMemory={memory} {gres}State=UNKNOWN\n"
        for name, port in zip(cluster.names, ports, strict=True)
    )
    return f"""# A private SLURM on one machine, written by `visualzero cluster up`.
ClusterName=private
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
AuthInfo=socket={cluster.socket},cred_expire=12
SlurmctldPort={control}
FirstJobId={10 * control}
SlurmctldPidFile={root}/run/slurmctld.pid
SlurmdPidFile={root}/run/slurmd.%n.pid
SlurmctldLogFile={root}/log/slurmctld.log
SlurmdLogFile={root}/log/slurmd.%n.log
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool/%n
ReturnToService=2
SlurmdParameters=config_overrides
{processes}JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
AccountingStoreFlags=job_comment
{accounting}# Jobs start at once, and what a cluster does in minutes happens in seconds. One that is queued again waits
# for cred_expire, and has to be gone from its node by then.
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=1,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
MinJobAge=3600
KillWait=3
# A job of `urgent` takes the place of others, which are queued again.
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
{nodes}PartitionName=cpu Nodes=ALL Default=YES MaxTime=1-0 DefMemPerCPU=500 State=UP PriorityTier=1
PartitionName=gpu Nodes=ALL MaxTime=1-0 DefMemPerCPU=500 State=UP PriorityTier=1
PartitionName=urgent Nodes=ALL MaxTime=1-0 DefMemPerCPU=500 State=UP PriorityTier=10 PreemptMode=OFF
"""


def _slurmdbd_conf(cluster: Cluster, port: int) -> str:
    root = cluster.folder
    return f"""AuthType=auth/munge
AuthInfo=socket={cluster.socket}
DbdHost=localhost
DbdPort={port}
SlurmUser={getpass.getuser()}
LogFile={root}/log/slurmdbd.log
PidFile={root}/run/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser={getpass.getuser()}
StorageLoc=slurm_acct_db
"""


def _write_clients(cluster: Cluster) -> None:
    """Clients that name their configuration themselves.

    A variable SLURM_CONF is not enough: Snakemake's slurm-jobstep removes it, like most of SLURM's, before its srun.
    """
    cluster.clients.mkdir(parents=True, exist_ok=True)
    for name in CLIENTS:
        client = cluster.clients / name
        configuration = shlex.quote(str(cluster.configuration))
        path = shlex.quote(SYSTEM_PATH)
        client.write_text(
            f'#!/bin/sh\nexport SLURM_CONF={configuration}\nexec "$(PATH={path} command -v {name})" "$@"\n'
        )
        client.chmod(0o755)


def cgroups_usable() -> bool:
    """Whether jobs can be held in control groups, as on real clusters: version 1, and writable."""
    folders = (Path("/sys/fs/cgroup") / name for name in ("freezer", "memory"))
    return os.geteuid() == 0 and all(folder.is_dir() and os.access(folder, os.W_OK) for folder in folders)


def _write_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, as slurmdbd insists."""
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_text(text)


def _memory_mb() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20


def _free_ports(count: int) -> list[int]:
    """Ports that nothing listens on now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
