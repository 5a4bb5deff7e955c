# One image for web server, workers and clock; docker-compose.yml says which of them a container is.
FROM python:3.12-slim-bookworm AS build
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
WORKDIR /opt/edgeloom
COPY requirements.lock ./
# A package index with CPU builds of torch makes the image 3 GB smaller: --build-arg EXTRA_INDEX=https://...
ARG EXTRA_INDEX=""
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir "$(grep -oE '^uv==[^ ]+' requirements.lock)" \
    && UV_EXTRA_INDEX_URL="${EXTRA_INDEX}" UV_INDEX_STRATEGY=unsafe-best-match \
       /opt/venv/bin/uv pip install --no-cache --python /opt/venv/bin/python --compile-bytecode -r requirements.lock

FROM python:3.12-slim-bookworm
RUN useradd --create-home --uid 10001 edgeloom \
    && install -d -o edgeloom -g edgeloom /data
COPY --from=build /opt/venv /opt/venv
WORKDIR /opt/edgeloom
COPY . .
ENV PATH="/opt/venv/bin:${PATH}" \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 \
    EDGELOOM_HOME=/data
RUN python manage.py assets && chown -R edgeloom:edgeloom /data
USER 10001
VOLUME /data
EXPOSE 8000
CMD ["python", "manage.py", "serve"]
