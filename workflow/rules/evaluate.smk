rule predict:
    message:
        "Responses: {wildcards.arm}, seed {wildcards.seed}, {wildcards.benchmark}"
    input:
        questions_manifest=lambda wildcards: manifest_of(layout.questions(wildcards.benchmark)),
        questions=lambda wildcards: ancient(layout.questions(wildcards.benchmark)),
        weights_manifest=weights_manifest,
        weights=weights,
    output:
        layout.predictions("{arm}", "{seed}", "{benchmark}"),
    params:
        fingerprint=lambda wildcards: jobs.predict_fingerprint(study, wildcards.arm, wildcards.benchmark),
    conda:
        "../../envs/evaluate.yaml"
    log:
        f"logs/{study.scale}/predict/{{arm}}/{{seed}}/{{benchmark}}.log",
    benchmark:
        layout.timings / "predict" / "{arm}" / "{seed}" / "{benchmark}.tsv"
    threads: study.evaluate.threads
    resources:
        mem_mb=6000,
        runtime=240,
    shell:
        "workflow/scripts/logged {log} python -m visualzero {STUDY}"
        " predict {wildcards.arm} --seed {wildcards.seed} {wildcards.benchmark}"


rule score:
    message:
        "Scores: {wildcards.arm}, seed {wildcards.seed}, {wildcards.benchmark}"
    input:
        predictions=layout.predictions("{arm}", "{seed}", "{benchmark}"),
        questions_manifest=lambda wildcards: manifest_of(layout.questions(wildcards.benchmark)),
        questions=lambda wildcards: ancient(layout.questions(wildcards.benchmark)),
    output:
        layout.scores("{arm}", "{seed}", "{benchmark}"),
    params:
        fingerprint=lambda wildcards: jobs.score_fingerprint(study, wildcards.arm),
    conda:
        "../../envs/evaluate.yaml"
    log:
        f"logs/{study.scale}/score/{{arm}}/{{seed}}/{{benchmark}}.log",
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    shell:
        "workflow/scripts/logged {log} python -m visualzero {STUDY}"
        " score {wildcards.arm} --seed {wildcards.seed} {wildcards.benchmark}"


rule summarize:
    message:
        "Summary of {study.scale}"
    input:
        scores=[layout.scores(*evaluation) for evaluation in EVALUATIONS],
        questions=[manifest_of(layout.questions(benchmark)) for benchmark in BENCHMARKS],
    output:
        layout.summary,
    params:
        fingerprint=jobs.summary_fingerprint(study),
    conda:
        "../../envs/evaluate.yaml"
    log:
        f"logs/{study.scale}/summarize.log",
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    shell:
        "workflow/scripts/logged {log} python -m visualzero {STUDY} summarize"
