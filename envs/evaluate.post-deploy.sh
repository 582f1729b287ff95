#!/usr/bin/env bash
# Made by scripts/pins from requirements.lock; do not edit. Answering benchmarks, scoring, statistics.
# Snakemake runs it in the new environment, from the root of the repository.
#
# Without GPUs, PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu spares the CUDA libraries (gigabytes). With
# VISUALZERO_PIP=uv, uv (which has to be on PATH) installs in place of pip, and environments share their files.
#
# This project is not installed: jobs run the code of their own tree (workflow/scripts/logged), so that trees can share
# environments (`--conda-prefix`). Packages of the user's (~/.local, PYTHONPATH) never stand in for these.
set -euo pipefail
unset PYTHONPATH PIP_TARGET PIP_PREFIX
export PYTHONNOUSERSITE=1 PIP_USER=0 PIP_REQUIRE_VIRTUALENV=0
install=(python -m pip install --no-input --disable-pip-version-check --progress-bar off)
if [ "${VISUALZERO_PIP:-pip}" = uv ]; then
    install=(uv pip install --python "$CONDA_PREFIX/bin/python" --link-mode hardlink)
fi
"${install[@]}" --requirement /dev/stdin <<'PINS'
annotated-doc==0.0.7
annotated-types==0.8.0
anyio==4.16.0
certifi==2026.10.18
click==8.5.1
filelock==4.2.11
fsspec==2026.9.0
h11==0.16.0
hf-xet==1.8.0
httpcore==1.0.9
httpx==0.28.1
huggingface-hub==1.33.0
idna==3.20
jinja2==3.1.6
markdown-it-py==4.3.0
markupsafe==3.0.4
mdurl==0.1.2
mpmath==1.3.0
networkx==3.6.1
numpy==2.4.6
packaging==25.0
pandas==3.1.1
pillow==13.0.0
pyarrow==26.0.1
pydantic==2.14.3
pydantic-core==2.50.4
pygments==2.21.0
python-dateutil==2.9.0.post0
pyyaml==6.0.3
regex==2026.11.15
rich==15.0.0
safetensors==0.8.0
scipy==1.17.1
setuptools==84.2.1
shellingham==1.5.4
six==1.17.0
sympy==1.14.0
tokenizers==0.23.3
torch==2.13.0
tqdm==4.70.1
transformers==5.17.0
typer==0.29.2
typing-extensions==4.16.0
typing-inspection==0.4.5
PINS
