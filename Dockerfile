# Builds the library and leaves it, named as a driver names it, in the folder of `docker build --output`.

FROM python:3.13-slim AS build
WORKDIR /build
COPY . .
RUN pip install --no-cache-dir .
RUN mkdir lib \
    && cp "$(mocknvml library)/libnvidia-ml.so.1" lib/libnvidia-ml.so.550.54.15 \
    && ln -s libnvidia-ml.so.550.54.15 lib/libnvidia-ml.so.1 \
    && ln -s libnvidia-ml.so.1 lib/libnvidia-ml.so

FROM scratch
COPY --from=build /build/lib/ /
