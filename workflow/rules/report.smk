rule page:
    input:
        checked(layout.summary),
        [layout.predictions(*evaluation) for evaluation in EVALUATIONS],
        [layout.run(arm, seed) / "manifest.json" for arm in study.trained_arms() for seed in study.seeds],
        manifest_of(layout.questions("train")),
        layout.curve if any(kept_steps(study, arm) for arm in ARMS) else [],
    output:
        [shown(path) for path in PAGE],
    log:
        f"logs/{study.scale}/report.log",
    benchmark:
        layout.timings / "report.tsv"
    group:
        "results"
    conda:
        "../../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
        overrides=STUDY,
    params:
        fingerprint=jobs.report_fingerprint(study),
    message:
        "Report of {study.scale}"
    shell:
        "workflow/scripts/logged {log} python -m visualzero {resources.overrides} report"
        " --planned {params.fingerprint}"
