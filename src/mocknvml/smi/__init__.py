"""A stand-in for nvidia-smi over nvidia-ml-py: it asks NVML alone, so it shows a real driver's GPUs as well."""
