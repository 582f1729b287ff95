# With several shards each job answers every n-th batch, and `gather` joins the parts; with one, `predict` does it all.
SHARDED = study.evaluate.shards > 1
SHARD = ".{scatteritem}" if SHARDED else ""
PREDICTIONS = layout.predictions("{arm}", "{seed}", "{benchmark}{control}")
SCORES = layout.scores("{arm}", "{seed}", "{benchmark}{control}")
RESPONSES = [PREDICTIONS, manifest_of(PREDICTIONS)]
ENGINES = {study.evaluation(arm).engine for arm in ARMS}
EVALUATE_ENV = f"../../envs/{'train-vllm' if 'vllm' in ENGINES else 'evaluate'}.yaml"
# On a cluster, what follows at once is one job: answers and their score, or shards' joining and its score. A profile may
# join more of a run's: `group-components: ["evaluation_{arm}_{seed}=8"]`. Shards are jobs of their own.
EVALUATION = "evaluation_{arm}_{seed}"


scattergather:
    shard=study.evaluate.shards,


rule predict:
    input:
        questions_manifest=questions_manifest,
        questions=lambda wildcards: ancient(layout.questions(wildcards.benchmark)),
        weights_manifest=weights_manifest,
        weights=weights,
    output:
        temp(shard_of("{scatteritem}")) if SHARDED else RESPONSES,
    log:
        f"logs/{study.scale}/predict/{{arm}}/{{seed}}/{{benchmark}}{{control}}{SHARD}.log",
    benchmark:
        layout.timings / "predict" / "{arm}" / "{seed}" / f"{{benchmark}}{{control}}{SHARD}.tsv"
    group:
        None if SHARDED else EVALUATION
    conda:
        EVALUATE_ENV
    threads: study.evaluate.threads
    resources:
        mem_mb=6000,
        runtime=240,
        overrides=STUDY,
    params:
        fingerprint=responses_fingerprint,
        options=predict_options,
    message:
        "Responses: {wildcards.arm}, seed {wildcards.seed}, {wildcards.benchmark} {params.options}"
    shell:
        "workflow/scripts/logged {log} python -m visualzero {resources.overrides}"
        " predict {wildcards.arm} --seed {wildcards.seed} {wildcards.benchmark} {params.options}"
        " --planned {params.fingerprint}"


if SHARDED:

    rule gather:
        input:
            shards=gather.shard(shard_of("{scatteritem}"), allow_missing=True),
            questions_manifest=questions_manifest,
            questions=lambda wildcards: ancient(layout.questions(wildcards.benchmark)),
            weights_manifest=weights_manifest,
            weights=weights,
        output:
            RESPONSES,
        log:
            f"logs/{study.scale}/gather/{{arm}}/{{seed}}/{{benchmark}}{{control}}.log",
        group:
            EVALUATION
        conda:
            "../../envs/evaluate.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=30,
            overrides=STUDY,
        params:
            fingerprint=responses_fingerprint,
            options=control_option,
        message:
            "Responses of all shards: {wildcards.arm}, seed {wildcards.seed}, {wildcards.benchmark} {params.options}"
        shell:
            "workflow/scripts/logged {log} python -m visualzero {resources.overrides}"
            " gather {wildcards.arm} --seed {wildcards.seed} {wildcards.benchmark} {params.options}"
            " --planned {params.fingerprint}"


rule score:
    input:
        predictions=RESPONSES,
        questions_manifest=questions_manifest,
        questions=lambda wildcards: ancient(layout.questions(wildcards.benchmark)),
    output:
        SCORES,
        manifest_of(SCORES),
    log:
        f"logs/{study.scale}/score/{{arm}}/{{seed}}/{{benchmark}}{{control}}.log",
    group:
        EVALUATION
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
        overrides=STUDY,
    params:
        fingerprint=lambda wildcards: jobs.score_fingerprint(study, wildcards.arm),
        options=control_option,
    message:
        "Scores: {wildcards.arm}, seed {wildcards.seed}, {wildcards.benchmark} {params.options}"
    shell:
        "workflow/scripts/logged {log} python -m visualzero {resources.overrides}"
        " score-arm {wildcards.arm} --seed {wildcards.seed} {wildcards.benchmark} {params.options}"
        " --planned {params.fingerprint}"


rule summarize:
    input:
        scores=checked([layout.scores(*evaluation) for evaluation in EVALUATIONS + CONTROL_EVALUATIONS]),
        samples=[layout.sample_scores(*run) for run in SAMPLED],
        interventions=[layout.intervention_scores(*run) for run in INTERVENED],
        questions=[manifest_of(layout.questions(benchmark)) for benchmark in BENCHMARKS],
    output:
        layout.summary,
    log:
        f"logs/{study.scale}/summarize.log",
    group:
        "results"
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
        " --planned {params.fingerprint}"
