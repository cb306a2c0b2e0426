/* Makes pthread_create fail from the call on whose number FAIL_FROM names, as a limit of processes does. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *argument)
{
    static atomic_int calls;
    const char *from = getenv("FAIL_FROM");
    const char *count = getenv("FAIL_COUNT");
    int call = atomic_fetch_add(&calls, 1) + 1;
    int first = from ? atoi(from) : 0;
    if (first > 0 && call >= first && (!count || call < first + atoi(count)))
        return EAGAIN;
    create *real = (create *)dlsym(RTLD_NEXT, "pthread_create");
    return real(thread, attributes, start, argument);
}
