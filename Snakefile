# The whole study: questions and models -> training -> responses -> scores -> report.
#
#   snakemake all                       this machine, the scale of config/config.yaml
#   snakemake -n grpo                   what would run for the GRPO arms, and why
#   snakemake --config seeds=[1,2,3]    three seeds of every trained arm
#
# What runs is config (config/config.yaml), where it runs is a profile (profiles/default is used unasked).
from snakemake.utils import min_version

min_version("9.27")


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/curve.smk"
include: "workflow/rules/report.smk"


localrules:
    all,
    data,
    models,
    sft,
    grpo,
    evaluate,
    curve,
    report,


rule all:
    default_target: True
    input:
        layout.report / "index.html",


rule data:
    input:
        [manifest_of(layout.questions(name)) for name in ("train", *BENCHMARKS)],


rule models:
    input:
        [layout.model(init).parent / "manifest.json" for init in INITS],


rule sft:
    input:
        [layout.run(arm, seed) / "manifest.json" for arm in SFT_ARMS for seed in study.seeds],


rule grpo:
    input:
        [layout.run(arm, seed) / "manifest.json" for arm in GRPO_ARMS for seed in study.seeds],


rule evaluate:
    input:
        layout.summary,


rule curve:
    input:
        layout.curve,


rule report:
    input:
        layout.report / "index.html",
