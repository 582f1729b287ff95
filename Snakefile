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
    train,
    evaluate,
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
        DATA,
        MODELS,
        SFT,
        GRPO,
        ANSWERS,
        layout.summary,
        PAGE,


rule data:
    input:
        DATA,


rule models:
    input:
        MODELS,


rule sft:
    input:
        SFT,


rule grpo:
    input:
        GRPO,


rule train:
    input:
        SFT,
        GRPO,


rule evaluate:
    input:
        ANSWERS,
        layout.summary,


rule curve:
    input:
        layout.curve,


rule report:
    input:
        layout.summary,
        PAGE,
