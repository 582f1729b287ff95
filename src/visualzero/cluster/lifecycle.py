"""Bringing a private SLURM up and down."""

import contextlib
import getpass
import os
import secrets
import shutil
import subprocess
from pathlib import Path

from visualzero.cluster.daemons import launch, running, stop, wait_until
from visualzero.cluster.programs import program, require
from visualzero.cluster.settings import ACCOUNT, Cluster, write_settings
from visualzero.errors import UserError

DAEMONS = ("slurmctld", "slurmdbd", "mariadbd", "munged")  # in the order in which they are stopped, after the nodes


def up(cluster: Cluster) -> None:
    """Start the cluster; returns when all of its nodes are idle, after some seconds.

    Raises:
        UserError: if a program is missing, the cluster runs already, or a daemon does not start.
    """
    require(cluster.accounting)
    if running(cluster.folder / "run" / "slurmctld.pid"):
        raise UserError(f"{cluster.folder}: this cluster is up already: run `visualzero cluster down` first")
    if len(str(cluster.socket)) > 100:
        raise UserError(f"{cluster.folder}: too long a path for a socket: give a shorter --folder")
    for name in ("run", "log", "state", "spool"):
        (cluster.folder / name).mkdir(parents=True, exist_ok=True)
    write_settings(cluster)
    try:
        _start(cluster)
    except BaseException:
        down(cluster.folder)
        raise


def _start(cluster: Cluster) -> None:
    environment = os.environ | {"SLURM_CONF": str(cluster.configuration)}
    log = cluster.folder / "log"
    _start_munge(cluster)
    if cluster.accounting:
        _start_accounting(cluster, environment)
    launch([program("slurmctld"), "-i", "-f", str(cluster.configuration)], log / "slurmctld.log", environment)
    wait_until(lambda: _answers(cluster, "sinfo", "-h") is not None, 30, "slurmctld does not answer")
    for name in cluster.names:
        (cluster.folder / "spool" / name).mkdir(parents=True, exist_ok=True)
        command = [program("slurmd"), "-N", name, "-f", str(cluster.configuration)]
        launch(command, log / f"slurmd.{name}.log", environment)

    def all_idle() -> bool:
        idle = _answers(cluster, "sinfo", "-h", "-N", "-p", "cpu", "-t", "idle", "-o", "%N") or ""
        return set(idle.split()) == set(cluster.names)

    wait_until(all_idle, 60, "not all nodes are idle")


def _start_munge(cluster: Cluster) -> None:
    """Munge, with a key and a socket of its own; it vouches for who sends what."""
    key, log = cluster.folder / "etc" / "munge.key", cluster.folder / "log" / "munged.log"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(128))
    run = cluster.folder / "run"
    places = [f"--key-file={key}", f"--socket={cluster.socket}", f"--pid-file={run}/munged.pid", f"--log-file={log}"]
    launch([program("munged"), "--force", "--num-threads=2", f"--seed-file={run}/munge.seed", *places], log)
    check = [program("munge"), "-n", "-S", str(cluster.socket)]
    wait_until(lambda: subprocess.run(check, capture_output=True).returncode == 0, 10, "munged does not answer")


def _start_accounting(cluster: Cluster, environment: dict[str, str]) -> None:
    """MariaDB and slurmdbd, with an account for this user."""
    folder, data, mysql = cluster.folder, cluster.folder / "db", cluster.folder / "run" / "mysqld.sock"
    environment |= {"MYSQL_UNIX_PORT": str(mysql)}
    options = ["--no-defaults", f"--user={getpass.getuser()}", f"--datadir={data}"]
    if not (data / "mysql").is_dir():
        install = [
            program("mariadb-install-db"),
            *options,
            "--skip-test-db",
            "--auth-root-authentication-method=normal",
        ]
        launch(install, folder / "log", environment)
    with (folder / "log" / "mariadb.log").open("ab") as log:
        server = [program("mariadbd"), *options, f"--socket={mysql}", f"--pid-file={folder}/run/mariadbd.pid"]
        server += ["--skip-networking", "--innodb-buffer-pool-size=64M", "--innodb-lock-wait-timeout=900"]
        subprocess.Popen(server, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    ping = [program("mariadb-admin"), "--no-defaults", f"-u{getpass.getuser()}", "-S", str(mysql), "ping"]
    wait_until(lambda: subprocess.run(ping, capture_output=True).returncode == 0, 60, "MariaDB does not answer")
    launch([program("slurmdbd")], folder / "log" / "slurmdbd.log", environment)
    wait_until(lambda: _answers(cluster, "sacctmgr", "-n", "show", "cluster") is not None, 60, "slurmdbd is silent")
    for added in (["cluster", "private"], ["account", ACCOUNT], ["user", getpass.getuser(), f"account={ACCOUNT}"]):
        _answers(cluster, "sacctmgr", "-i", "add", *added)


def down(folder: Path) -> None:
    """Cancel all jobs, end what `up` started, by pid file, and remove the cluster's state; logs are kept.

    Raises:
        UserError: if there is no cluster in `folder`.
    """
    cluster = Cluster(folder)
    if not cluster.configuration.is_file():
        raise UserError(f"{folder}: no cluster here: `visualzero cluster up` makes one")
    run = folder / "run"
    if running(run / "slurmctld.pid") and _answers(cluster, "squeue", "-h"):
        _answers(cluster, "scancel", "--quiet", f"--user={getpass.getuser()}")
        with contextlib.suppress(UserError):  # what still runs then ends with its slurmd
            wait_until(lambda: not _answers(cluster, "squeue", "-h"), 20, "jobs still run")
    for pid_file in (*sorted(run.glob("slurmd.*.pid")), *(run / f"{name}.pid" for name in DAEMONS)):
        stop(pid_file)
    for name in ("run", "state", "spool", "bin", "etc"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _answers(cluster: Cluster, client: str, *arguments: str) -> str | None:
    """What a client says, or None if it fails."""
    command = [str(cluster.clients / client), *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60)
    return done.stdout if done.returncode == 0 else None
