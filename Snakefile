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


report: "workflow/report/study.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/data.smk"
include: "workflow/rules/models.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/causes.smk"
include: "workflow/rules/curve.smk"
include: "workflow/rules/report.smk"


localrules:
    all,
    data,
    models,
    sft,
    grpo,
    train,
    evaluate,
    causes,
    curve,
    report,


onstart:
    begin()


onsuccess:
    keep_receipts(study, layout)


onerror:
    keep_receipts(study, layout)


rule all:
    default_target: True
    input:
        checked(DATA, MODELS, SFT, GRPO, ANSWERS, SAMPLES, INTERVENTIONS, layout.summary, PAGE),


rule data:
    input:
        checked(DATA),


rule models:
    input:
        checked(MODELS),


rule sft:
    input:
        checked(SFT),


rule grpo:
    input:
        checked(GRPO),


rule train:
    input:
        checked(SFT, GRPO),


rule evaluate:
    input:
        checked(ANSWERS, SAMPLES, INTERVENTIONS, layout.summary),


rule causes:
    input:
        asked_causes,


rule curve:
    input:
        checked(layout.curve),


rule report:
    input:
        checked(layout.summary, PAGE),
