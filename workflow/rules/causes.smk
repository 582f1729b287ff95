# Samples of answers, many to a question, where `causes.sampling` asks for them. As many shards as evaluation has.
SAMPLE_ROWS = layout.samples("{arm}", "{seed}", study.sampled_benchmark)
SAMPLE_SCORES = layout.sample_scores("{arm}", "{seed}", study.sampled_benchmark)
DRAWN = [SAMPLE_ROWS, manifest_of(SAMPLE_ROWS)]
# On a cluster, samples and their scores, or shards' joining and its score, are one job.
SAMPLING = "samples_{arm}_{seed}"


rule sample:
    input:
        questions_manifest=sampled_questions_manifest,
        questions=ancient(layout.questions(study.sampled_benchmark)),
        weights_manifest=weights_manifest,
        weights=weights,
    output:
        temp(sample_shard_of("{scatteritem}")) if SHARDED else DRAWN,
    log:
        f"logs/{study.scale}/sample/{{arm}}/{{seed}}{SHARD}.log",
    benchmark:
        layout.timings / "sample" / "{arm}" / f"{{seed}}{SHARD}.tsv"
    group:
        None if SHARDED else SAMPLING
    # The sampler is that of GRPO's rollouts.
    conda:
        "../../envs/train.yaml"
    threads: study.evaluate.threads
    resources:
        mem_mb=8000,
        runtime=720,
        overrides=STUDY,
    params:
        fingerprint=samples_fingerprint,
        options=shard_option,
    message:
        "Samples: {wildcards.arm}, seed {wildcards.seed} {params.options}"
    shell:
        "workflow/scripts/logged {log} python -m visualzero {resources.overrides}"
        " sample {wildcards.arm} --seed {wildcards.seed} {params.options}"
        " --planned {params.fingerprint}"


if SHARDED:

    rule gather_samples:
        input:
            shards=gather.shard(sample_shard_of("{scatteritem}"), allow_missing=True),
            questions_manifest=sampled_questions_manifest,
            questions=ancient(layout.questions(study.sampled_benchmark)),
        output:
            DRAWN,
        log:
            f"logs/{study.scale}/gather_samples/{{arm}}/{{seed}}.log",
        group:
            SAMPLING
        conda:
            "../../envs/evaluate.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=30,
            overrides=STUDY,
        params:
            fingerprint=samples_fingerprint,
        message:
            "Samples of all shards: {wildcards.arm}, seed {wildcards.seed}"
        shell:
            "workflow/scripts/logged {log} python -m visualzero {resources.overrides}"
            " gather-samples {wildcards.arm} --seed {wildcards.seed}"
            " --planned {params.fingerprint}"


rule read_samples:
    input:
        samples=DRAWN,
        questions_manifest=sampled_questions_manifest,
        questions=ancient(layout.questions(study.sampled_benchmark)),
    output:
        SAMPLE_SCORES,
        manifest_of(SAMPLE_SCORES),
    log:
        f"logs/{study.scale}/read_samples/{{arm}}/{{seed}}.log",
    group:
        SAMPLING
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        overrides=STUDY,
    params:
        fingerprint=lambda wildcards: jobs.sample_scores_fingerprint(study, wildcards.arm),
    message:
        "Scores of samples: {wildcards.arm}, seed {wildcards.seed}"
    shell:
        "workflow/scripts/logged {log} python -m visualzero {resources.overrides}"
        " read-samples {wildcards.arm} --seed {wildcards.seed}"
        " --planned {params.fingerprint}"


# Altered thoughts, from which an arm goes on, where `causes.interventions` asks for it.
ALTERED_ROWS = layout.interventions("{arm}", "{seed}", study.intervened_benchmark)
ALTERED_SCORES = layout.intervention_scores("{arm}", "{seed}", study.intervened_benchmark)
ALTERED = [ALTERED_ROWS, manifest_of(ALTERED_ROWS)]
INTERVENING = "interventions_{arm}_{seed}"


rule intervene:
    input:
        responses=own_responses,
        questions_manifest=intervened_questions_manifest,
        questions=ancient(layout.questions(study.intervened_benchmark)),
        weights_manifest=weights_manifest,
        weights=weights,
    output:
        temp(intervention_shard_of("{scatteritem}")) if SHARDED else ALTERED,
    log:
        f"logs/{study.scale}/intervene/{{arm}}/{{seed}}{SHARD}.log",
    benchmark:
        layout.timings / "intervene" / "{arm}" / f"{{seed}}{SHARD}.tsv"
    group:
        None if SHARDED else INTERVENING
    conda:
        "../../envs/train.yaml"
    threads: study.evaluate.threads
    resources:
        mem_mb=8000,
        runtime=720,
        overrides=STUDY,
    params:
        fingerprint=interventions_fingerprint,
        options=shard_option,
    message:
        "Altered thoughts: {wildcards.arm}, seed {wildcards.seed} {params.options}"
    shell:
        "workflow/scripts/logged {log} python -m visualzero {resources.overrides}"
        " intervene {wildcards.arm} --seed {wildcards.seed} {params.options}"
        " --planned {params.fingerprint}"


if SHARDED:

    rule gather_interventions:
        input:
            shards=gather.shard(intervention_shard_of("{scatteritem}"), allow_missing=True),
            responses=own_responses,
            questions_manifest=intervened_questions_manifest,
            questions=ancient(layout.questions(study.intervened_benchmark)),
        output:
            ALTERED,
        log:
            f"logs/{study.scale}/gather_interventions/{{arm}}/{{seed}}.log",
        group:
            INTERVENING
        # What is joined is checked against the thoughts that the shards have altered.
        conda:
            "../../envs/train.yaml"
        threads: 1
        resources:
            mem_mb=4000,
            runtime=30,
            overrides=STUDY,
        params:
            fingerprint=interventions_fingerprint,
        message:
            "Altered thoughts of all shards: {wildcards.arm}, seed {wildcards.seed}"
        shell:
            "workflow/scripts/logged {log} python -m visualzero {resources.overrides}"
            " gather-interventions {wildcards.arm} --seed {wildcards.seed}"
            " --planned {params.fingerprint}"


rule read_interventions:
    input:
        answers=ALTERED,
        questions_manifest=intervened_questions_manifest,
        questions=ancient(layout.questions(study.intervened_benchmark)),
    output:
        ALTERED_SCORES,
        manifest_of(ALTERED_SCORES),
    log:
        f"logs/{study.scale}/read_interventions/{{arm}}/{{seed}}.log",
    group:
        INTERVENING
    conda:
        "../../envs/evaluate.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        overrides=STUDY,
    params:
        fingerprint=lambda wildcards: jobs.intervention_scores_fingerprint(study, wildcards.arm),
    message:
        "Answers from altered thoughts: {wildcards.arm}, seed {wildcards.seed}"
    shell:
        "workflow/scripts/logged {log} python -m visualzero {resources.overrides}"
        " read-interventions {wildcards.arm} --seed {wildcards.seed}"
        " --planned {params.fingerprint}"
