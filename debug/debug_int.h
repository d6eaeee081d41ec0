/* Inside debug/: the debug core's data.
 * SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Points, locations and the plan are changed by the control thread only, and only while no vCPU
 * runs (parked, or within a rendezvous); so vCPU threads read them without a lock. What vCPU
 * threads change (counts, text to print) is atomic or under Debug.lock. */
#ifndef GLASSBOX_DEBUG_DEBUG_INT_H
#define GLASSBOX_DEBUG_DEBUG_INT_H

#include "debug/alloc.h"
#include "debug/debug.h"

typedef struct Location Location;

typedef struct Point {
    PointId id;
    DebugClient *owner;
    PointSpec spec;             /* its arrays are ours */
    Location *loc;              /* NULL while disabled */
    uint64_t hits;              /* [atomic] */
    uint64_t ignore_left;       /* [atomic] */
} Point;

/* What several points share: one thing to be armed. */
struct Location {
    uint32_t id;
    PointKind kind;
    AddrKind akind;
    vaddr_t addr;               /* canonical */
    uint64_t len;
    uint8_t rw;
    Scope scope;
    AllocChoice choice;
    bool chosen;                /* choice is final (executors with points of their own) */
    bool mapped;
    paddr_t paddr;
    uint64_t told_suspended;    /* CPUs on which clients know that it is */
    GPtrArray *points;          /* Point */
};

/* Why one vCPU came out, told or not. */
typedef struct StopFact {
    bool valid;
    VcpuExit exit;              /* hits name locations; error is ours to free */
    uint64_t order;
    vaddr_t pc;
} StopFact;

typedef struct DebugCpu {
    ResumeKind want;            /* what the last resume said */
    vaddr_t lo, hi;
    StopFact fact;              /* not told yet */
    bool told;                  /* its last told stop was at told_pc and it has not run since */
    vaddr_t told_pc;
    bool over;                  /* has to be stepped over its location first */
    bool stopped;               /* non-stop: parked and told */
    bool ask;                   /* non-stop: a client asked for its stop */
    StopInfo info;              /* the told stop, for nobody in particular */
    char *text;                 /* what info.text points at */
    unsigned nhit;              /* the told stop's hits, by location */
    VcpuHit hit[VCPU_HITS];
} DebugCpu;

struct DebugClient {
    Debug *debug;
    char *name;
    const DebugClientOps *ops;  /* NULL: gone, freed when no notification is under way */
    void *opaque;
    RegLayout *layout;
    GHashTable *vars;           /* trace state variables: number -> uint64_t *; Debug.lock */
    StopInfo stop;              /* debug_stop_info's answer */
};

typedef enum DebugPhase {
    PHASE_STOPPED,
    PHASE_RUNNING,
    PHASE_OVER,                 /* all-stop: some CPUs step over their locations */
} DebugPhase;

struct Debug {
    Vm *vm;
    VmObserver *observer;
    GPtrArray *clients;         /* DebugClient */
    DebugClient *holder;        /* of control */
    unsigned telling;           /* notifications under way */
    bool nonstop;
    DebugPhase phase;
    DebugCpu cpu[VM_MAX_CPUS];
    unsigned last_cpu;          /* that a stop was told of */
    StopInfo stop;              /* the told stop */
    char *stop_text;
    bool ever_ran;

    GPtrArray *points;          /* Point, by id */
    GHashTable *locations;      /* Location, by its key */
    GHashTable *loc_by_id;      /* id -> Location */
    GHashTable *exec_by_addr;   /* canonical address -> GPtrArray of exec Locations, virtual */
    unsigned n_phys_exec;
    PointId last_point;
    uint32_t last_loc;
    bool plan_dirty;            /* points changed since the plan in force was made */
    DebugPlan *plan;            /* in force; NULL: none */
    uint64_t gen;
    struct VmTimer *relook;     /* relook.c */

    bool mask_irq, freeze_timers;       /* of the resume under way */
    bool caught_reset;          /* a reset is to be told as an event */
    VmCause reset_cause;
    uint32_t reset_loc;
    ResumePlan *deferred;       /* a resume asked for while a stop was being told */
    DebugClient *deferred_by;
    bool resume_all_later;      /* ... or the holder of control left meanwhile */
    Mutex lock;                 /* what vCPU threads print */
    GQueue output;              /* DebugOutput */
};

typedef struct DebugOutput {
    DebugClient *client;        /* compared only: it may be gone */
    char *text;
} DebugOutput;

/* ---- points.c: wishes and locations ---- */
void points_init(Debug *d);
void points_fini(Debug *d);
Point *points_find(const Debug *d, PointId id);
Location *points_location(const Debug *d, uint32_t loc);
/* Is there an exec location at this CPU's pc, whatever its scope? */
bool points_exec_at(const Debug *d, const Cpu *cpu, vaddr_t pc);
/* Calls fn for each exec location at pc. */
void points_exec_foreach(const Debug *d, const Cpu *cpu, vaddr_t pc,
                         void (*fn)(Location *l, void *opaque), void *opaque);
void points_drop_empty(Debug *d);
/* Removes the points that were to go with their first stop. No vCPU runs. */
void points_remove_once(Debug *d, const VcpuExit *exit);
/* Removes all points of a client. Any time. */
void points_remove_client(Debug *d, DebugClient *c);
/* A place where no vCPU runs: at once, or by a rendezvous. */
void points_quiesce(Debug *d, void (*fn)(void *opaque), void *opaque);

/* ---- plan.c ---- */
/* Chooses backings for all locations. False: the locations are as before. */
bool plan_allocate(Debug *d, GError **errp);
/* Makes the present locations the plan in force, without those for which lifted says true (may
 * be NULL). Does nothing when they are in force already. No vCPU runs. */
bool plan_apply(Debug *d, bool (*lifted)(const Location *l, void *opaque), void *opaque,
                GError **errp);
/* The executor forgot the plan. */
void plan_forget(Debug *d);
void plan_free(DebugPlan *p);

/* ---- relook.c ---- */
void relook_init(Debug *d);
void relook_fini(Debug *d);
/* The machine runs, or points have changed: looks again in time, if there is anything to look at. */
void relook_arm(Debug *d);

/* ---- suspend.c ---- */
/* Tells the owners of points that the guest has displaced since they were last told. */
void suspend_tell(Debug *d);

/* ---- filter.c: on vCPU threads ---- */
VmVerdict filter_exit(void *opaque, Cpu *cpu, VcpuExit *exit, RunArgs *args);
/* Has a client told a text (which is taken), with the output of points. Any thread. */
void filter_output(Debug *d, DebugClient *client, char *text);
/* Sends what points printed. Control thread. */
void filter_flush_output(Debug *d);
void filter_init(Debug *d);
void filter_fini(Debug *d);

/* Adds the exec points at the CPU's pc that stop there, for a stop of another cause that comes
 * before the instruction: the next resume passes them, so they count now. Owner's thread. */
void filter_points_here(Debug *d, Cpu *cpu, VcpuExit *exit);
/* Does a hit of this location stop? Counts it. On the CPU's owner thread. */
bool filter_location_passes(Debug *d, Cpu *cpu, const Location *l, const VcpuHit *hit);

/* ---- resume.c ---- */
void resume_fini(Debug *d);
/* Everything goes on, whoever holds control; `by` is told to clients but c. */
void resume_all(Debug *d, DebugClient *c);
/* Runs a resume that was asked for while a stop was being told. */
void resume_deferred(Debug *d);
/* All parked, nothing to tell: what wants to run does. */
void resume_on(Debug *d);
/* The machine was reset: nothing that was true of any CPU's place still is. */
void resume_after_reset(Debug *d);
/* Was this CPU's last told stop here, and is an exec point here that it has to pass? */
bool resume_stands_on_point(const Debug *d, const Cpu *cpu);

/* ---- park.c ---- */
extern const VmRunHooks park_hooks;
/* Tells a fact that was left over, as the machine's stop. */
void park_tell_left_over(Debug *d);
/* Which fact of the CPUs that are to run came first; -1: none. */
int park_first_fact(const Debug *d);
void park_tell_error(Debug *d, const char *text);

/* ---- stepover.c: executors that cannot skip a point ---- */
/* Must any CPU that wants to go first be stepped over its location? */
bool stepover_needed(Debug *d);
/* Lets just those step. False: the plan could not be changed. */
bool stepover_start(Debug *d, GError **errp);
/* All parked again. True: those that could step have; facts of steps that nobody asked for are
 * gone. False: some had to go again. */
bool stepover_finish(Debug *d);

/* ---- stop.c: telling ---- */
/* Builds a StopInfo from a fact. */
void stop_from_fact(Debug *d, unsigned cpu, const StopFact *f, StopInfo *out, char **text);
void stop_tell_all(Debug *d, const StopInfo *info);
void stop_tell_cpu(Debug *d, unsigned cpu);
void stop_for_client(DebugClient *c, const StopInfo *info, StopInfo *out);
/* An event whose own points dropped out, so that a data point comes first, is a point's exit. On
 * the vCPU's thread, or parked. */
void exit_fit_kind(const Debug *d, VcpuExit *exit);
/* Drops hits whose locations are gone. */
void fact_drop_gone(const Debug *d, StopFact *f);
void fact_clear(StopFact *f);

/* ---- memory.c ---- */
/* Reads on the CPU's owner thread; returns how many bytes from the start. */
size_t view_read(Cpu *cpu, AddrKind kind, uint64_t at, void *buf, size_t len);

/* ---- debug.c ---- */
void debug_tell_begin(Debug *d);
void debug_tell_end(Debug *d);

#endif
