/* Threads, locks and condition variables: pthreads under names of our own.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * pthreads and not GLib's primitives, because ThreadSanitizer understands the former only.
 * Failures of these calls are our own bugs (or no memory for a thread) and abort. */
#ifndef GLASSBOX_UTIL_THREAD_H
#define GLASSBOX_UTIL_THREAD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Mutex { pthread_mutex_t m; } Mutex;
typedef struct Cond { pthread_cond_t c; } Cond;
typedef struct Thread { pthread_t t; bool started; uint64_t host_id; } Thread;

/* A mutex that the owner cannot lock twice; unlocking another's mutex aborts in every build. */
void mutex_init(Mutex *m);
/* The same, but its owner may lock it again; it is free after as many unlocks. */
void mutex_init_recursive(Mutex *m);
void mutex_destroy(Mutex *m);
void mutex_lock(Mutex *m);
bool mutex_trylock(Mutex *m);
void mutex_unlock(Mutex *m);

/* Condition variables measure time on CLOCK_MONOTONIC. */
void cond_init(Cond *c);
void cond_destroy(Cond *c);
void cond_wait(Cond *c, Mutex *m);
/* False when the host's monotonic clock passed deadline_ns before a signal came. */
bool cond_wait_until(Cond *c, Mutex *m, int64_t deadline_ns);
void cond_signal(Cond *c);
void cond_broadcast(Cond *c);

/* Starts fn(arg) on a new thread. `name` is seen by the host's tools, cut to 15 characters. All
 * signals but the synchronous ones are blocked in the thread: the main loop takes them. */
void thread_start(Thread *t, const char *name, void *(*fn)(void *), void *arg);
/* Waits for the thread's end and returns what fn returned. */
void *thread_join(Thread *t);
/* The number by which the host's tools know the thread (Linux: its thread id); 0 if it has none.
 * Constant from thread_start's return on. Any thread. */
uint64_t thread_host_id(const Thread *t);
/* Is the caller this thread? */
bool thread_is_self(const Thread *t);

/* The host's monotonic clock in nanoseconds. Only vm/clock.c and host-side code may use it:
 * devices read the VM's clock. */
int64_t host_monotonic_ns(void);

/* Atomics, sequentially consistent unless the name says otherwise; p points at a plain integer
 * or pointer of up to 8 bytes. */
#define atomic_get(p) __atomic_load_n((p), __ATOMIC_SEQ_CST)
#define atomic_put(p, v) __atomic_store_n((p), (v), __ATOMIC_SEQ_CST)
#define atomic_get_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define atomic_put_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define atomic_get_relaxed(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define atomic_put_relaxed(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
/* These four return the value before the operation. */
#define atomic_add_old(p, v) __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define atomic_or_old(p, v) __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST)
#define atomic_and_old(p, v) __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST)
#define atomic_swap(p, v) __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)

#endif
