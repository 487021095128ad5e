# Ray's image with kgprism in it: for one machine, and for cluster.yaml (its lines `image>`), whose nodes then install nothing.
#
#   make wheel                                                                # dist/ is all that goes in
#   docker build -f Dockerfile -t kgprism:0.2.0 dist                          # CPU
#   docker build -f Dockerfile -t kgprism:0.2.0-gpu --build-arg DEVICE=gpu dist
#   docker run --rm --shm-size 4g -v "$PWD/store:/home/ray/store" kgprism:0.2.0 kgprism ablate demo
#   docker run --rm --shm-size 4g --gpus all -v "$PWD/store:/home/ray/store" kgprism:0.2.0-gpu kgprism doctor
#
# The user inside is `ray`, number 1000: the folder behind /home/ray/store must let it write.
ARG DEVICE=cpu
FROM rayproject/ray:2.60.0-py311-${DEVICE}
ARG DEVICE

ENV KGPRISM_HOME=/home/ray/store \
    RAY_USAGE_STATS_ENABLED=0

COPY constraints.txt kgprism-*.whl /tmp/dist/
# PyPI's torch for Linux brings two gigabytes of CUDA.
RUN mkdir -p "$KGPRISM_HOME" \
    && if [ "$DEVICE" = cpu ]; then index="--extra-index-url https://download.pytorch.org/whl/cpu"; fi \
    && pip install --no-cache-dir -c /tmp/dist/constraints.txt ${index:-} /tmp/dist/kgprism-*.whl \
    && kgprism --version

# No entry point: Ray starts a shell of its own in it.
CMD ["kgprism", "--help"]
