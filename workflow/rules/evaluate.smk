rule predict:
    input:
        questions_manifest=lambda wildcards: manifest_of(layout.questions(wildcards.benchmark)),
        questions=lambda wildcards: ancient(layout.questions(wildcards.benchmark)),
        weights_manifest=weights_manifest,
        weights=weights,
    output:
        layout.predictions("{arm}", "{seed}", "{benchmark}"),
    log:
        f"logs/{study.scale}/predict/{{arm}}/{{seed}}/{{benchmark}}.log",
    benchmark:
        layout.timings / "predict" / "{arm}" / "{seed}" / "{benchmark}.tsv"
    conda:
        "../../envs/evaluate.yaml"
    threads: study.evaluate.threads
    resources:
        mem_mb=6000,
        runtime=240,
        overrides=STUDY,
    params:
        fingerprint=lambda wildcards: jobs.predict_fingerprint(study, wildcards.arm, wildcards.benchmark),
    message:
        "Responses: {wildcards.arm}, seed {wildcards.seed}, {wildcards.benchmark}"
    shell:
        "workflow/scripts/logged {log} python -m visualzero {resources.overrides}"
        " predict {wildcards.arm} --seed {wildcards.seed} {wildcards.benchmark}"


rule score:
    input:
        predictions=layout.predictions("{arm}", "{seed}", "{benchmark}"),
        questions_manifest=lambda wildcards: manifest_of(layout.questions(wildcards.benchmark)),
        questions=lambda wildcards: ancient(layout.questions(wildcards.benchmark)),
    output:
        layout.scores("{arm}", "{seed}", "{benchmark}"),
    log:
        f"logs/{study.scale}/score/{{arm}}/{{seed}}/{{benchmark}}.log",
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
        overrides=STUDY,
    params:
        fingerprint=lambda wildcards: jobs.score_fingerprint(study, wildcards.arm),
    message:
        "Scores: {wildcards.arm}, seed {wildcards.seed}, {wildcards.benchmark}"
    shell:
        "workflow/scripts/logged {log} python -m visualzero {resources.overrides}"
        " score {wildcards.arm} --seed {wildcards.seed} {wildcards.benchmark}"


rule summarize:
    input:
        scores=[layout.scores(*evaluation) for evaluation in EVALUATIONS],
        questions=[manifest_of(layout.questions(benchmark)) for benchmark in BENCHMARKS],
    output:
        layout.summary,
    log:
        f"logs/{study.scale}/summarize.log",
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
        overrides=STUDY,
    params:
        fingerprint=jobs.summary_fingerprint(study),
    message:
        "Summary of {study.scale}"
    shell:
        "workflow/scripts/logged {log} python -m visualzero {resources.overrides} summarize"
