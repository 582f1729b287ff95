# Accuracy against steps: the checkpoints that runs keep (`checkpoint_steps`) answer the first benchmark.


KEPT_RESPONSES = layout.checkpoint_predictions("{arm}", "{seed}", "{step}", BENCHMARKS[0])


rule predict_checkpoint:
    input:
        questions_manifest=checked(manifest_of(layout.questions(BENCHMARKS[0]))),
        questions=ancient(layout.questions(BENCHMARKS[0])),
        run_manifest=layout.run("{arm}", "{seed}") / "manifest.json",
    output:
        KEPT_RESPONSES,
        manifest_of(KEPT_RESPONSES),
    log:
        f"logs/{study.scale}/curve/{{arm}}/{{seed}}/{{step}}.log",
    wildcard_constraints:
        step=r"\d+",
    conda:
        EVALUATE_ENV
    threads: study.evaluate.threads
    resources:
        mem_mb=6000,
        runtime=240,
        overrides=STUDY,
    params:
        fingerprint=lambda wildcards: jobs.predict_fingerprint(study, wildcards.arm, BENCHMARKS[0]),
        benchmark=BENCHMARKS[0],
    message:
        "Responses: {wildcards.arm}, seed {wildcards.seed}, step {wildcards.step}"
    shell:
        "workflow/scripts/logged {log} python -m visualzero {resources.overrides}"
        " predict {wildcards.arm} --seed {wildcards.seed} {params.benchmark} --checkpoint {wildcards.step}"
        " --planned {params.fingerprint}"


rule accuracy_curve:
    input:
        responses=[
            layout.checkpoint_predictions(arm, seed, step, BENCHMARKS[0])
            for arm in ARMS
            for seed in study.seeds
            for step in kept_steps(study, arm)
        ],
        questions_manifest=checked(manifest_of(layout.questions(BENCHMARKS[0]))),
    output:
        layout.curve,
    log:
        f"logs/{study.scale}/curve.log",
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
        overrides=STUDY,
    params:
        fingerprint=jobs.curve_fingerprint(study),
    message:
        "Accuracy against steps"
    shell:
        "workflow/scripts/logged {log} python -m visualzero {resources.overrides} curve"
        " --planned {params.fingerprint}"
