rule questions:
    input:
        source_table,
    output:
        table=layout.root / "data" / "{name}.parquet",
        manifest=layout.root / "data" / "{name}.json",
    log:
        f"logs/{study.scale}/questions/{{name}}.log",
    benchmark:
        layout.timings / "questions" / "{name}.tsv"
    wildcard_constraints:
        name=one_of(["train", *BENCHMARKS]),
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        overrides=STUDY,
    params:
        fingerprint=lambda wildcards: jobs.data_fingerprint(study, wildcards.name),
    message:
        "Questions: {wildcards.name}"
    shell:
        "workflow/scripts/logged {log} python -m visualzero {resources.overrides} questions {wildcards.name}"
        " --planned {params.fingerprint}"
