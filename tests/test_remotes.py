"""Results travel by the remotes that clusters have: a shared folder, SSH (a real sshd), S3 (a server speaking it)."""

import getpass
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from repository import Repository, clone_of, copy_of

pytestmark = pytest.mark.slow

SSHD = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
MODEL = "results/demo/runs/base-grpo/1/model/model.safetensors"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def answering(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    """Return once a server answers; fail with its log if it has ended."""
    while True:
        assert process.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
            return
        except OSError:
            continue


@pytest.fixture
def ssh(tmp_path: Path) -> Iterator[tuple[int, Path]]:
    """Port of an sshd of our own, and the private key that it lets in."""
    if SSHD is None:
        pytest.skip("no sshd here: apt-get install openssh-server")
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)], check=True)
    port = free_port()
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/user.pub\n"
        f"PidFile {folder}/pid\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nPermitRootLogin yes\n"
        "Subsystem sftp internal-sftp\n"
    )
    if getpass.getuser() == "root":
        Path("/run/sshd").mkdir(parents=True, exist_ok=True)
    log = folder / "log"
    with log.open("wb") as said:
        server = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "config")], stdout=said, stderr=said)
    answering(port, server, log)
    yield port, folder / "user"
    server.terminate()
    server.wait()


@pytest.fixture
def s3(tmp_path: Path) -> Iterator[str]:
    """Address of a server that speaks S3 and has a bucket `study`."""
    for module in ("dvc_s3", "moto"):
        if find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install -r tests/optional.lock")
    port, log = free_port(), tmp_path / "moto.log"
    with log.open("wb") as said:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=said, stderr=said
        )
    answering(port, server, log)
    address = f"http://127.0.0.1:{port}"
    import boto3

    keys = {"aws_access_key_id": "test", "aws_secret_access_key": "test", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=address, **keys).create_bucket(Bucket="study")
    yield address
    server.terminate()
    server.wait()


def comes_back(made: Repository, clone: Repository) -> None:
    """Push everything to the remote `there`, pull it into the clone, and let Snakemake take it over."""
    made.ok("dvc", "push", "--remote", "there")
    clone.ok("dvc", "pull", "--remote", "there")
    assert "verified" in clone.ok("visualzero", "hydrate")
    assert (clone.folder / MODEL).read_bytes() == (made.folder / MODEL).read_bytes()


def both(recorded: Repository, folder: Path, url: str, **settings: str) -> tuple[Repository, Repository]:
    """A copy and a clone of it that know the remote `there`; its settings stay on this machine."""
    made, clone = copy_of(recorded, folder / "copy"), clone_of(recorded, folder / "clone")
    for repository in (made, clone):
        repository.ok("dvc", "remote", "add", "--local", "there", url)
        for key, value in settings.items():
            repository.ok("dvc", "remote", "modify", "--local", "there", key, value)
    return made, clone


def test_by_a_shared_folder_one_arm_can_be_pushed_and_pulled_alone(recorded: Repository, tmp_path: Path) -> None:
    made, clone = both(recorded, tmp_path, str(tmp_path / "shared"))
    made.ok("dvc", "push", "--remote", "there", "train@base-grpo")
    clone.ok("dvc", "pull", "--remote", "there", "train@base-grpo")
    assert (clone.folder / MODEL).read_bytes() == (made.folder / MODEL).read_bytes()
    assert [path.name for path in (clone.folder / "results/demo/runs").iterdir()] == ["base-grpo"]
    assert clone.run("dvc", "pull", "--remote", "there", "train@base-sft").returncode != 0, "only one arm was pushed"
    comes_back(made, clone)


def test_by_ssh(recorded: Repository, tmp_path: Path, ssh: tuple[int, Path]) -> None:
    port, key = ssh
    address = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{tmp_path}/there"
    made, clone = both(recorded, tmp_path, address, keyfile=str(key), allow_agent="false")
    comes_back(made, clone)
    assert list((tmp_path / "there/files/md5").iterdir())


def test_by_s3(recorded: Repository, tmp_path: Path, s3: str) -> None:
    keys = {"access_key_id": "test", "secret_access_key": "test", "region": "us-east-1"}
    made, clone = both(recorded, tmp_path, "s3://study/results", endpointurl=s3, **keys)
    comes_back(made, clone)


def test_the_address_of_a_remote_and_its_keys_stay_out_of_git(recorded: Repository, tmp_path: Path) -> None:
    made, _ = both(recorded, tmp_path, "ssh://somewhere/there", keyfile="/keys/mine")
    assert "somewhere" not in made.ok("git", "status", "--short") + made.ok("git", "diff")
    made.ok("git", "check-ignore", ".dvc/config.local")
