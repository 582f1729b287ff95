rule initial_model:
    message:
        "Initial model: {wildcards.init}"
    output:
        model=directory(layout.model("{init}")),
        manifest=layout.model("{init}").parent / "manifest.json",
    params:
        fingerprint=lambda wildcards: jobs.model_fingerprint(study, wildcards.init),
    conda:
        "../../envs/data.yaml"
    log:
        f"logs/{study.scale}/models/{{init}}.log",
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    shell:
        "workflow/scripts/logged {log} python -m visualzero {STUDY} model {wildcards.init}"


# Rebuilds what the repository holds in models/. It declares no output, so it runs whenever it is asked for.
rule tiny_models:
    message:
        "Tiny models, from seed 0: about 45 minutes on two cores"
    conda:
        "../../envs/train.yaml"
    log:
        "logs/tiny_models.log",
    threads: 2
    resources:
        mem_mb=8000,
        runtime=240,
    shell:
        "workflow/scripts/logged {log} python -m visualzero tiny-models"
