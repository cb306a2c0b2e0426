// A libvulkan.so.1 before the real one, which FAULT_LIBRARY names: it forwards every call, counts those that give a
// VkResult, and fails one of them.
//
//   FAULT_CALL=vkQueueSubmit  whose calls are counted; "any" counts those of all functions together
//   FAULT_AT=3                which call of them fails, from 1; without it none does
//   FAULT_CODE=-4             what it gives
//   FAULT_STAYS=1             that every later call fails too, of whatever function
//   FAULT_COUNTS=FILE         where a line is written at the end for each function that was called: its name, its calls
//
// Wrappers pass on eight words whatever a function takes: none takes more or a number with a point, and on x86-64 and
// AArch64 words too many harm nobody. One instance and one device at a time, as ours are.
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

// The functions of Vulkan 1.3 that give a VkResult, but for those that draw, and for vkFreeDescriptorSets: it has no error
// to give but that of a broken driver, for which wgpu panics twice while it drops one bind group, and that is an abort.
#define FUNCTIONS(F) \
    F(vkCreateInstance) F(vkEnumerateInstanceVersion) F(vkEnumerateInstanceLayerProperties) \
    F(vkEnumerateInstanceExtensionProperties) F(vkEnumeratePhysicalDevices) F(vkEnumeratePhysicalDeviceGroups) \
    F(vkEnumerateDeviceExtensionProperties) F(vkEnumerateDeviceLayerProperties) \
    F(vkGetPhysicalDeviceImageFormatProperties) F(vkGetPhysicalDeviceImageFormatProperties2) \
    F(vkGetPhysicalDeviceToolProperties) F(vkGetPhysicalDeviceCooperativeMatrixPropertiesKHR) \
    F(vkGetPhysicalDeviceCalibrateableTimeDomainsKHR) F(vkCreateDevice) \
    F(vkQueueSubmit) F(vkQueueSubmit2) F(vkQueueSubmit2KHR) F(vkQueueWaitIdle) F(vkQueueBindSparse) F(vkDeviceWaitIdle) \
    F(vkAllocateMemory) F(vkMapMemory) F(vkMapMemory2KHR) F(vkUnmapMemory2KHR) F(vkFlushMappedMemoryRanges) \
    F(vkInvalidateMappedMemoryRanges) F(vkBindBufferMemory) F(vkBindBufferMemory2) F(vkBindBufferMemory2KHR) \
    F(vkBindImageMemory) F(vkBindImageMemory2) F(vkBindImageMemory2KHR) \
    F(vkCreateFence) F(vkResetFences) F(vkGetFenceStatus) F(vkWaitForFences) \
    F(vkCreateSemaphore) F(vkGetSemaphoreCounterValue) F(vkGetSemaphoreCounterValueKHR) F(vkWaitSemaphores) \
    F(vkWaitSemaphoresKHR) F(vkSignalSemaphore) F(vkSignalSemaphoreKHR) \
    F(vkCreateEvent) F(vkGetEventStatus) F(vkSetEvent) F(vkResetEvent) F(vkCreateQueryPool) F(vkGetQueryPoolResults) \
    F(vkCreateBuffer) F(vkCreateBufferView) F(vkCreateImage) F(vkCreateImageView) F(vkCreateSampler) \
    F(vkCreateShaderModule) F(vkCreatePipelineCache) F(vkGetPipelineCacheData) F(vkMergePipelineCaches) \
    F(vkCreateGraphicsPipelines) F(vkCreateComputePipelines) F(vkCreatePipelineLayout) F(vkCreateRenderPass) \
    F(vkCreateRenderPass2) F(vkCreateFramebuffer) F(vkCreatePrivateDataSlot) F(vkSetPrivateData) \
    F(vkCreateDescriptorSetLayout) F(vkCreateDescriptorPool) F(vkResetDescriptorPool) F(vkAllocateDescriptorSets) \
    F(vkCreateDescriptorUpdateTemplate) F(vkCreateDescriptorUpdateTemplateKHR) \
    F(vkCreateCommandPool) F(vkResetCommandPool) F(vkAllocateCommandBuffers) F(vkBeginCommandBuffer) \
    F(vkEndCommandBuffer) F(vkResetCommandBuffer) F(vkSetDebugUtilsObjectNameEXT) F(vkCreateDebugUtilsMessengerEXT)

typedef void (*Function)(void);
typedef Function (*Find)(void *, const char *);
typedef int32_t (*Call)(uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t);

static Find find_of_instance, find_of_device;
static atomic_int all, failed;

/// Counts a call; what it is to fail with, or 0.
static int32_t fault(const char *name, atomic_int *own) {
    const char *call = getenv("FAULT_CALL"), *at = getenv("FAULT_AT"), *code = getenv("FAULT_CODE");
    int of_all = atomic_fetch_add(&all, 1) + 1, of_own = atomic_fetch_add(own, 1) + 1;
    if (!call || !at || !code) return 0;
    int any = !strcmp(call, "any");
    int is_it = (any || !strcmp(call, name)) && (any ? of_all : of_own) == atoi(at);
    if (is_it) atomic_store(&failed, 1);
    return is_it || (atomic_load(&failed) && getenv("FAULT_STAYS")) ? atoi(code) : 0;
}

#define WRAPPER(name) \
    static Call real_##name; \
    static atomic_int calls_##name; \
    static int32_t wrapped_##name(uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f, uint64_t g, \
                                  uint64_t h) { \
        int32_t code = fault(#name, &calls_##name); \
        return code ? code : real_##name(a, b, c, d, e, f, g, h); \
    }
FUNCTIONS(WRAPPER)

static Function wrap(const char *name, Function real) {
#define CHOICE(wrapped) \
    if (!strcmp(name, #wrapped)) { \
        real_##wrapped = (Call)real; \
        return (Function)wrapped_##wrapped; \
    }
    if (real) { FUNCTIONS(CHOICE) }
    return real;
}

static Function of_device(void *device, const char *name) {
    return wrap(name, find_of_device(device, name));
}

Function vkGetInstanceProcAddr(void *instance, const char *name) {
    if (!find_of_instance) {
        const char *path = getenv("FAULT_LIBRARY");
        void *library = path ? dlopen(path, RTLD_NOW | RTLD_LOCAL) : NULL;
        if (!library) {
            fprintf(stderr, "FAULT_LIBRARY: %s\n", path ? dlerror() : "it is not set");
            _exit(99);
        }
        find_of_instance = (Find)dlsym(library, "vkGetInstanceProcAddr");
    }
    if (!strcmp(name, "vkGetInstanceProcAddr")) return (Function)vkGetInstanceProcAddr;
    Function real = find_of_instance(instance, name);
    if (real && !strcmp(name, "vkGetDeviceProcAddr")) {
        find_of_device = (Find)real;
        return (Function)of_device;
    }
    return wrap(name, real);
}

__attribute__((destructor)) static void write_counts(void) {
    const char *path = getenv("FAULT_COUNTS");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file) return;
#define LINE(name) \
    if (calls_##name) fprintf(file, "%s %d\n", #name, calls_##name);
    FUNCTIONS(LINE)
    fclose(file);
}
