# One image for every process of the application; docker-compose.yml says which runs what.
FROM python:3.13-slim AS build
WORKDIR /app
RUN python -m venv /venv
COPY requirements-production.lock .
RUN /venv/bin/pip install --no-cache-dir --no-deps --require-hashes -r requirements-production.lock
COPY domain domain
COPY web web
COPY worker worker
COPY ops ops
# the user guide, which the site shows
COPY docs/guide docs/guide
RUN /venv/bin/python -m babel.messages.frontend compile --directory=web/translations

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --no-create-home interlog && install --directory --owner=interlog /archives
COPY --from=build /venv /venv
COPY --from=build /app /app
WORKDIR /app
USER interlog
ENTRYPOINT ["python", "-m", "ops"]
CMD ["--help"]
