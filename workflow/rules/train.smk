# Training resumes from work/, which is no rule's output: Snakemake deletes outputs before each attempt.
#
# On how many GPUs a run is trained, and how they share it, is where it runs, so these are resources (a profile's
# `set-resources`, or `--set-resources train_grpo:processes=4 train_grpo:accelerate=zero2`): `accelerate` is a file of
# config/accelerate, `processes` how many processes it starts, over all `nodes`. They change no param, since the training
# is the same.
VLLM = any(study.recipe(arm).engine == "vllm" for arm in GRPO_ARMS)


rule train_sft:
    input:
        questions_manifest=manifest_of(layout.questions("train")),
        questions=ancient(layout.questions("train")),
        weights_manifest=initial_manifest,
        weights=initial_weights,
        trajectories=trajectories,
        solved=solved,
    output:
        model=directory(layout.run("{arm}", "{seed}") / "model"),
        history=layout.run("{arm}", "{seed}") / "history.parquet",
        manifest=layout.run("{arm}", "{seed}") / "manifest.json",
    log:
        f"logs/{study.scale}/sft/{{arm}}/{{seed}}.log",
    benchmark:
        layout.timings / "sft" / "{arm}" / "{seed}.tsv"
    wildcard_constraints:
        arm=one_of(SFT_ARMS),
        seed=r"\d+",
    conda:
        "../../envs/train.yaml"
    threads: training_threads
    resources:
        mem_mb=6000,
        runtime=720,
        accelerate="one_process",
        processes=1,
        nodes=1,
        overrides=STUDY,
    params:
        fingerprint=lambda wildcards: jobs.run_fingerprint(study, wildcards.arm, int(wildcards.seed)),
    message:
        "SFT: {wildcards.arm}, seed {wildcards.seed}"
    shell:
        "workflow/scripts/logged {log} workflow/scripts/on_nodes {resources.nodes}"
        " accelerate launch --config_file config/accelerate/{resources.accelerate}.yaml"
        " --num_processes {resources.processes} --num_cpu_threads_per_process {threads}"
        " -m visualzero {resources.overrides} train {wildcards.arm} --seed {wildcards.seed}"
        " --planned {params.fingerprint}"


rule train_grpo:
    input:
        questions_manifest=manifest_of(layout.questions("train")),
        questions=ancient(layout.questions("train")),
        weights_manifest=initial_manifest,
        weights=initial_weights,
        solved=solved,
    output:
        model=directory(layout.run("{arm}", "{seed}") / "model"),
        history=layout.run("{arm}", "{seed}") / "history.parquet",
        rollouts=layout.run("{arm}", "{seed}") / "rollouts.parquet",
        manifest=layout.run("{arm}", "{seed}") / "manifest.json",
    log:
        f"logs/{study.scale}/grpo/{{arm}}/{{seed}}.log",
    benchmark:
        layout.timings / "grpo" / "{arm}" / "{seed}.tsv"
    wildcard_constraints:
        arm=one_of(GRPO_ARMS),
        seed=r"\d+",
    conda:
        "../../envs/train-vllm.yaml" if VLLM else "../../envs/train.yaml"
    threads: training_threads
    resources:
        mem_mb=8000,
        runtime=1440,
        accelerate="one_process",
        processes=1,
        nodes=1,
        overrides=STUDY,
    params:
        fingerprint=lambda wildcards: jobs.run_fingerprint(study, wildcards.arm, int(wildcards.seed)),
    message:
        "GRPO: {wildcards.arm}, seed {wildcards.seed}"
    shell:
        "workflow/scripts/logged {log} workflow/scripts/on_nodes {resources.nodes}"
        " accelerate launch --config_file config/accelerate/{resources.accelerate}.yaml"
        " --num_processes {resources.processes} --num_cpu_threads_per_process {threads}"
        " -m visualzero {resources.overrides} train {wildcards.arm} --seed {wildcards.seed}"
        " --planned {params.fingerprint}"
