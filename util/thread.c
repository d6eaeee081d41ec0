/* Threads, locks and condition variables over pthreads.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/thread.h"

#include <errno.h>
#include <glib.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A failing pthread call is our own bug, also in release builds. */
static void check(int err, const char *what)
{
    if (G_UNLIKELY(err)) {
        g_error("%s: %s", what, g_strerror(err));
    }
}

static void mutex_init_kind(Mutex *m, int kind)
{
    pthread_mutexattr_t attr;

    check(pthread_mutexattr_init(&attr), "pthread_mutexattr_init");
    check(pthread_mutexattr_settype(&attr, kind), "pthread_mutexattr_settype");
    check(pthread_mutex_init(&m->m, &attr), "pthread_mutex_init");
    pthread_mutexattr_destroy(&attr);
}

void mutex_init(Mutex *m)
{
    mutex_init_kind(m, PTHREAD_MUTEX_ERRORCHECK);
}

void mutex_init_recursive(Mutex *m)
{
    mutex_init_kind(m, PTHREAD_MUTEX_RECURSIVE);
}

void mutex_destroy(Mutex *m)
{
    check(pthread_mutex_destroy(&m->m), "pthread_mutex_destroy");
}

void mutex_lock(Mutex *m)
{
    check(pthread_mutex_lock(&m->m), "pthread_mutex_lock");
}

bool mutex_trylock(Mutex *m)
{
    int err = pthread_mutex_trylock(&m->m);

    if (err == EBUSY) {
        return false;
    }
    check(err, "pthread_mutex_trylock");
    return true;
}

void mutex_unlock(Mutex *m)
{
    check(pthread_mutex_unlock(&m->m), "pthread_mutex_unlock");
}

void cond_init(Cond *c)
{
    pthread_condattr_t attr;

    check(pthread_condattr_init(&attr), "pthread_condattr_init");
    check(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC), "pthread_condattr_setclock");
    check(pthread_cond_init(&c->c, &attr), "pthread_cond_init");
    pthread_condattr_destroy(&attr);
}

void cond_destroy(Cond *c)
{
    check(pthread_cond_destroy(&c->c), "pthread_cond_destroy");
}

void cond_wait(Cond *c, Mutex *m)
{
    check(pthread_cond_wait(&c->c, &m->m), "pthread_cond_wait");
}

bool cond_wait_until(Cond *c, Mutex *m, int64_t deadline_ns)
{
    struct timespec ts = {
        .tv_sec = deadline_ns / 1000000000,
        .tv_nsec = deadline_ns % 1000000000,
    };
    int err = pthread_cond_timedwait(&c->c, &m->m, &ts);

    if (err == ETIMEDOUT) {
        return false;
    }
    check(err, "pthread_cond_timedwait");
    return true;
}

void cond_signal(Cond *c)
{
    check(pthread_cond_signal(&c->c), "pthread_cond_signal");
}

void cond_broadcast(Cond *c)
{
    check(pthread_cond_broadcast(&c->c), "pthread_cond_broadcast");
}

/* Signals that a thread raises by its own doing must reach it. */
static const int synchronous_signals[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT };

/* What a new thread is to do, and how it tells that it has begun. */
typedef struct ThreadBirth {
    Thread *t;
    void *(*fn)(void *);
    void *arg;
    Mutex lock;
    Cond born;
    bool done;
} ThreadBirth;

static uint64_t own_host_id(void)
{
#ifdef __linux__
    return (uint64_t)gettid();
#else
    return 0;
#endif
}

static void *thread_main(void *opaque)
{
    ThreadBirth *b = opaque;
    void *(*fn)(void *) = b->fn;
    void *arg = b->arg;

    mutex_lock(&b->lock);
    b->t->host_id = own_host_id();
    b->done = true;
    cond_signal(&b->born);
    mutex_unlock(&b->lock);     /* b is gone from here on */
    return fn(arg);
}

void thread_start(Thread *t, const char *name, void *(*fn)(void *), void *arg)
{
    ThreadBirth b = { .t = t, .fn = fn, .arg = arg };
    sigset_t all, old;
    char short_name[16];

    sigfillset(&all);
    for (size_t i = 0; i < G_N_ELEMENTS(synchronous_signals); i++) {
        sigdelset(&all, synchronous_signals[i]);
    }
    check(pthread_sigmask(SIG_SETMASK, &all, &old), "pthread_sigmask");
    mutex_init(&b.lock);
    cond_init(&b.born);
    mutex_lock(&b.lock);
    check(pthread_create(&t->t, NULL, thread_main, &b), "pthread_create");
    t->started = true;
    while (!b.done) {
        cond_wait(&b.born, &b.lock);
    }
    mutex_unlock(&b.lock);
    cond_destroy(&b.born);
    mutex_destroy(&b.lock);
    check(pthread_sigmask(SIG_SETMASK, &old, NULL), "pthread_sigmask");
    g_strlcpy(short_name, name, sizeof(short_name));
    pthread_setname_np(t->t, short_name);
}

void *thread_join(Thread *t)
{
    void *ret = NULL;

    check(pthread_join(t->t, &ret), "pthread_join");
    t->started = false;
    return ret;
}

uint64_t thread_host_id(const Thread *t)
{
    return t->host_id;
}

bool thread_is_self(const Thread *t)
{
    return t->started && pthread_equal(t->t, pthread_self());
}

int64_t host_monotonic_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}
