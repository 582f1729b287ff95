# The project in a container, with its environment made:
#   docker build --tag visualzero .
#   docker run --rm --volume "$PWD/results:/visualzero/results" visualzero
# The second runs the demo. Other commands: docker run ... visualzero snakemake -n all
FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates git make python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /visualzero
COPY . .
# Without a GPU the CPU build of torch is enough; --build-arg PIP_EXTRA_INDEX_URL= takes pip's default, with CUDA.
ARG PIP_EXTRA_INDEX_URL=https://download.pytorch.org/whl/cpu
RUN make env
ENV PATH=/visualzero/.venv/bin:$PATH
CMD ["make", "demo"]
