/* Loads the library named on the command line, as a client does that was not linked with it, and prints what it sees. */

#include <dlfcn.h>
#include <nvml.h>
#include <stdio.h>

#define CALL(function, ...)                                                                                            \
    do {                                                                                                               \
        __typeof__(&function) call = (__typeof__(&function))dlsym(library, #function);                                 \
        nvmlReturn_t answer = call ? call(__VA_ARGS__) : NVML_ERROR_FUNCTION_NOT_FOUND;                                \
        if (answer != NVML_SUCCESS) {                                                                                  \
            fprintf(stderr, "%s answers %d\n", #function, (int)answer);                                                \
            return 1;                                                                                                  \
        }                                                                                                              \
    } while (0)

int main(int argc, char **argv)
{
    void *library = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    if (!library) {
        fprintf(stderr, "%s\n", argc == 2 ? dlerror() : "one argument: the library");
        return 1;
    }

    char driver[NVML_SYSTEM_DRIVER_VERSION_BUFFER_SIZE];
    unsigned int count;
    CALL(nvmlInit_v2);
    CALL(nvmlSystemGetDriverVersion, driver, sizeof driver);
    CALL(nvmlDeviceGetCount_v2, &count);
    printf("driver %s\ncount %u\n", driver, count);

    for (unsigned int i = 0; i < count; i++) {
        nvmlDevice_t gpu;
        char name[NVML_DEVICE_NAME_V2_BUFFER_SIZE];
        nvmlMemory_t memory;
        CALL(nvmlDeviceGetHandleByIndex_v2, i, &gpu);
        CALL(nvmlDeviceGetName, gpu, name, sizeof name);
        CALL(nvmlDeviceGetMemoryInfo, gpu, &memory);
        printf("gpu %u: %s, %llu bytes\n", i, name, memory.total);
    }

    CALL(nvmlShutdown);
    return dlclose(library);
}
