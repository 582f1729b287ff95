"""A Snakemake that runs inside a SLURM job (`salloc`, `srun --pty bash`, `sbatch`) and submits jobs of its own.

SLURM says in the environment which CPUs, GPUs and memory a job has, and takes the same variables for options of what
is submitted from there. So jobs would be confined to the CPUs of the job that has submitted them, or be refused.
"""

from collections.abc import MutableMapping

KEPT = ("SLURM_CONF",)  # where the cluster is: not of the job
MASKS = (
    *("CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ROCR_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ZE_AFFINITY_MASK"),
    *("GOMP_CPU_AFFINITY", "KMP_AFFINITY", "OMP_PLACES", "OMP_PROC_BIND", "SRUN_CPUS_PER_TASK"),
)


def leave_job(environ: MutableMapping[str, str]) -> None:
    """Take out of an environment what the SLURM job around it has put there; outside of a job do nothing."""
    if "SLURM_JOB_ID" not in environ:
        return
    for name in list(environ):
        if (name.startswith("SLURM_") and name not in KEPT) or name in MASKS:
            del environ[name]
