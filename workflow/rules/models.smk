rule initial_model:
    input:
        source_model,
    output:
        model=directory(layout.model("{init}")),
        manifest=layout.model("{init}").parent / "manifest.json",
    log:
        f"logs/{study.scale}/models/{{init}}.log",
    priority: 1  # before gigabytes of questions: a model that can't be had ends the run at once
    conda:
        "../../envs/data.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
        overrides=STUDY,
    params:
        fingerprint=lambda wildcards: jobs.model_fingerprint(study, wildcards.init),
    message:
        "Initial model: {wildcards.init}"
    shell:
        "workflow/scripts/logged {log} python -m visualzero {resources.overrides} model {wildcards.init}"
        " --planned {params.fingerprint}"


# Rebuilds what the repository holds in models/. It declares no output, so it runs whenever it is asked for.
rule tiny_models:
    log:
        "logs/tiny_models.log",
    conda:
        "../../envs/train.yaml"
    threads: 2
    resources:
        mem_mb=8000,
        runtime=240,
    message:
        "Tiny models, from seed 0: about an hour and a quarter on two cores"
    shell:
        "workflow/scripts/logged {log} python -m visualzero tiny-models"
