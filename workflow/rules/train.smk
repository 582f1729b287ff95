# Training resumes from work/, which is no rule's output: Snakemake deletes outputs before each attempt.


rule train_sft:
    input:
        questions_manifest=manifest_of(layout.questions("train")),
        questions=ancient(layout.questions("train")),
        weights_manifest=initial_manifest,
        weights=initial_weights,
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
    threads: study.sft.threads
    resources:
        mem_mb=6000,
        runtime=720,
        overrides=STUDY,
    params:
        fingerprint=lambda wildcards: jobs.run_fingerprint(study, wildcards.arm, int(wildcards.seed)),
        accelerate=accelerate_options(study.sft.threads),
    message:
        "SFT: {wildcards.arm}, seed {wildcards.seed}"
    shell:
        "workflow/scripts/logged {log} accelerate launch {params.accelerate}"
        " -m visualzero {resources.overrides} train {wildcards.arm} --seed {wildcards.seed}"


rule train_grpo:
    input:
        questions_manifest=manifest_of(layout.questions("train")),
        questions=ancient(layout.questions("train")),
        weights_manifest=initial_manifest,
        weights=initial_weights,
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
        "../../envs/train.yaml"
    threads: study.grpo.threads
    resources:
        mem_mb=8000,
        runtime=1440,
        overrides=STUDY,
    params:
        fingerprint=lambda wildcards: jobs.run_fingerprint(study, wildcards.arm, int(wildcards.seed)),
        accelerate=accelerate_options(study.grpo.threads),
    message:
        "GRPO: {wildcards.arm}, seed {wildcards.seed}"
    shell:
        "workflow/scripts/logged {log} accelerate launch {params.accelerate}"
        " -m visualzero {resources.overrides} train {wildcards.arm} --seed {wildcards.seed}"
