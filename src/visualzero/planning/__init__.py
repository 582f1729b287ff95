"""`visualzero plan`: what a study costs, before anything of it runs.

    architecture   sizes of a model and its number of parameters, from config.json
    towers         what sees, in each family
    defaults       what a config.json may leave out
    published      sizes of published models
    prompts        how many tokens a prompt has
    workload       how many prompts, completions and tokens the study's jobs process
    cost           FLOPs of each job
    clock          seconds of each job on a named GPU
    precision      bytes of a number
    memory         bytes on the GPU
    fitting        what makes a run fit
    disk           bytes on the disk
    gpus           data sheets
    plan           all of it for a study
    table          as text

Nothing here imports torch: a plan is arithmetic on the config.
"""
