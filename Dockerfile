# A server of models, see docs/serving.md.
#
#     docker build -t rhapsode .
#     docker run -p 127.0.0.1:8000:8000 -v ./models:/models:ro -e RHAPSODE_API_KEYS=KEY rhapsode book

FROM python:3.12-slim AS build
WORKDIR /source
COPY constraints.txt ./
# torch for CPUs alone: a tenth of what others are.
RUN python -m venv /opt/rhapsode \
    && /opt/rhapsode/bin/pip install --no-cache-dir -c constraints.txt \
       --extra-index-url https://download.pytorch.org/whl/cpu "$(grep '^torch==' constraints.txt)"
COPY . .
RUN /opt/rhapsode/bin/pip install --no-cache-dir -c constraints.txt ".[serve,speech,bpe]"

FROM python:3.12-slim
RUN useradd --system --create-home --home-dir /home/rhapsode --uid 10001 rhapsode
COPY --from=build /opt/rhapsode /opt/rhapsode
ENV PATH=/opt/rhapsode/bin:$PATH \
    PYTHONUNBUFFERED=1
USER 10001
# A name of a model is that of its folder here.
WORKDIR /models
VOLUME /models
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=4)"]
# Keys come from the environment, RHAPSODE_API_KEYS: without any, nothing listens to other machines.
ENTRYPOINT ["rhapsode", "serve", "--host", "0.0.0.0", "--log-format", "json"]
CMD ["demo:handwriting"]
