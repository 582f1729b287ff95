"""The Debian programs that a private SLURM consists of."""

import shutil

from visualzero.errors import UserError

PACKAGES = {"slurmctld": "slurmctld", "slurmd": "slurmd", "sbatch": "slurm-client", "munged": "munge"}
ACCOUNTING = {"slurmdbd": "slurmdbd", "mariadbd": "mariadb-server", "mariadb-install-db": "mariadb-server"}
CLIENTS = ["sacct", "sacctmgr", "salloc", "sbatch", "scancel", "scontrol", "sinfo", "sprio", "squeue", "srun", "sshare"]
SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def program(name: str) -> str:
    """Absolute path of a program; those of administrators are found too.

    Raises:
        UserError: if it is not installed.
    """
    found = shutil.which(name, path=SYSTEM_PATH) or shutil.which(name)
    if found is None:
        raise UserError(f"{name}: not installed")
    return found  # not what the link points to: the daemons go by the name that they are called by


def require(accounting: bool) -> None:
    """Check that all programs are there.

    Raises:
        UserError: with the command that installs what is missing.
    """
    needed = PACKAGES | (ACCOUNTING if accounting else {})
    absent = [name for name in needed if not shutil.which(name, path=SYSTEM_PATH)]
    if absent:
        packages = {needed[name] for name in absent} | ({"slurm-wlm-mysql-plugin"} if accounting else set())
        raise UserError(
            f"visualzero cluster: {', '.join(absent)} not installed: run, as root on Debian or Ubuntu,"
            f" `apt-get install --no-install-recommends {' '.join(sorted(packages))}`"
        )
