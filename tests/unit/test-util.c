/* util: option strings, numbers and sizes, bytes, trace ring, main-loop calls.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <poll.h>
#include <unistd.h>
#include "util/bytes.h"
#include "util/error.h"
#include "util/keyval.h"
#include "util/log.h"
#include "util/mainloop.h"
#include "util/thread.h"
#include "util/trace.h"

static void test_keyval(void)
{
    static const char *const neg[] = { "wait", NULL };
    GError *err = NULL;
    KeyVal *kv = keyval_parse("isa-serial,id=a,,b,path=x=y,nowait,flag", "driver", neg, &err);
    bool wait = true, flag = false;

    g_assert_no_error(err);
    g_assert_cmpstr(keyval_get(kv, "driver"), ==, "isa-serial");
    g_assert_cmpstr(keyval_get(kv, "id"), ==, "a,b");
    g_assert_cmpstr(keyval_get(kv, "path"), ==, "x=y");
    g_assert_null(keyval_get(kv, "none"));
    g_assert_true(keyval_get_bool(kv, "wait", &wait, &err) && !wait);
    g_assert_false(keyval_check_used(kv, &err));
    g_assert_nonnull(strstr(err->message, "'flag'"));
    g_clear_error(&err);
    g_assert_true(keyval_get_bool(kv, "flag", &flag, &err) && flag);
    g_assert_true(keyval_check_used(kv, &err));
    keyval_free(kv);

    g_assert_null(keyval_parse("a=1,a=2", NULL, NULL, &err));
    g_assert_error(err, GLASSBOX_ERROR, GLASSBOX_ERROR_INVALID);
    g_clear_error(&err);
    g_assert_null(keyval_parse("x,=2", "first", NULL, &err));
    g_clear_error(&err);
    kv = keyval_parse("first=1,second", "first", NULL, &err);
    g_assert_cmpstr(keyval_get(kv, "first"), ==, "1");
    keyval_free(kv);
}

static void test_numbers(void)
{
    static const struct { const char *text; bool ok; uint64_t value; } uints[] = {
        { "0", true, 0 }, { "0x3f8", true, 0x3f8 }, { "255", true, 255 }, { "65536", false, 0 },
        { "", false, 0 }, { "-1", false, 0 }, { " 1", false, 0 }, { "1x", false, 0 },
        { "99999999999999999999", false, 0 }, { "0xffff", true, 0xffff },
    };
    static const struct { const char *text; bool ok; uint64_t value; } sizes[] = {
        { "512", true, 512ull << 20 }, { "1G", true, 1ull << 30 }, { "64k", true, 64 << 10 },
        { "1.5G", true, 3ull << 29 }, { "100b", true, 100 }, { "0x10M", true, 16 << 20 },
        { "1X", false, 0 }, { "1GG", false, 0 }, { "", false, 0 }, { "-5M", false, 0 },
        { "99999999T", false, 0 }, { "nan", false, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(uints); i++) {
        uint64_t v = 7;
        bool ok = parse_uint(uints[i].text, 65535, &v, NULL);
        g_assert_true(ok == uints[i].ok);
        g_assert_cmpuint(v, ==, ok ? uints[i].value : 7);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(sizes); i++) {
        uint64_t v = 7;
        bool ok = parse_size(sizes[i].text, 1 << 20, &v, NULL);
        g_assert_true(ok == sizes[i].ok);
        g_assert_cmpuint(v, ==, ok ? sizes[i].value : 7);
    }
}

static void test_bytes(void)
{
    uint8_t b[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9 };

    g_assert_cmphex(load_le16(b + 1), ==, 0x0302);
    g_assert_cmphex(load_be32(b + 1), ==, 0x02030405);
    g_assert_cmphex(load_le64(b + 1), ==, 0x0908070605040302);
    g_assert_cmphex(load_le(b, 3), ==, 0x030201);
    store_be64(b + 3, 0x1122334455667788);
    g_assert_cmphex(b[3], ==, 0x11);
    store_le(b, 0xffaabb, 2);
    g_assert_true(b[0] == 0xbb && b[1] == 0xaa && b[2] == 3);
    g_assert_cmphex(mask_bytes(8), ==, UINT64_MAX);
    g_assert_cmphex(mask_bytes(0), ==, 0);
    g_assert_cmphex(bits_put(0xffff, 4, 8, 0), ==, 0xf00f);
    g_assert_cmpint(sign_extend(0x80, 8), ==, -128);
    g_assert_cmphex(round_up(0x1001, 0x1000), ==, 0x2000);
}

static TraceEvent ev_num = { .name = "test_num", .fmt = "a %" PRIu64 " b 0x%" PRIx64, .nargs = 2 };
static TraceEvent ev_text = { .name = "test_text" };
static TraceEvent *const events[] = { &ev_num, &ev_text };
static const TraceGroup group = { "test", events, G_N_ELEMENTS(events) };

static void *trace_thread(void *arg)
{
    for (unsigned i = 0; i < 5000; i++) {
        trace_emit(&ev_num, i, 0x10, 0, 0);
    }
    return NULL;
}

static void test_trace(void)
{
    static const TraceGroup *const groups[] = { &group, NULL };
    g_autoptr(GString) s = g_string_new(NULL);
    GError *err = NULL;
    Thread t;

    trace_set_groups(groups);
    g_assert_true(trace_enable("test_*", true, &err) && ev_num.on && ev_text.on);
    g_assert_true(trace_enable("*num", false, &err) && !ev_num.on && ev_text.on);
    g_assert_false(trace_enable("nothing*", true, &err));
    g_clear_error(&err);
    trace_enable("*", false, NULL);
    trace_emit(&ev_num, 5, 0xab, 0, 0);
    trace_emit_text(&ev_text, "hello %s", "world");
    trace_ring_print(s, 10);
    g_assert_nonnull(strstr(s->str, "test_num: a 5 b 0xab\n"));
    g_assert_nonnull(strstr(s->str, "test_text: hello world\n"));
    thread_start(&t, "trace", trace_thread, NULL);
    trace_thread(NULL);
    thread_join(&t);
    g_string_truncate(s, 0);
    trace_ring_print(s, 5000);
    g_assert_cmpuint(s->len, >, 1000);
}

static void test_log_items(void)
{
    GError *err = NULL;
    uint32_t mask;

    g_assert_true(log_parse_items("in_asm,int", &mask, &err));
    g_assert_cmphex(mask, ==, LOG_IN_ASM | LOG_INT);
    g_assert_false(log_parse_items("in_asm,bogus", &mask, &err));
    g_assert_nonnull(strstr(err->message, "'bogus'"));
    g_clear_error(&err);
    g_assert_false(log_set_file("/nonexistent/dir/file", &err));
    g_clear_error(&err);
}

static GString *call_log;

static void call_note(void *opaque)
{
    g_assert_true(mainloop_is_current());
    g_string_append(call_log, opaque);
}

static void call_again(void *opaque)
{
    g_string_append(call_log, "r");
    if (call_log->len < 20) {
        mainloop_call(call_again, NULL);
    }
}

static void call_quit(void *opaque)
{
    mainloop_quit(3);
    mainloop_quit(4);   /* the first one wins */
}

static void *id_thread(void *arg)
{
    *(uint64_t *)arg = (uint64_t)gettid();
    return NULL;
}

/* The host's number of a thread is there as soon as the thread is. */
static void test_thread_id(void)
{
    uint64_t own = 0;
    Thread t = { 0 };

    g_assert_cmpuint(thread_host_id(&t), ==, 0);
    thread_start(&t, "id", id_thread, &own);
    g_assert_cmpuint(thread_host_id(&t), !=, 0);
    g_assert_cmpuint(thread_host_id(&t), !=, gettid());
    thread_join(&t);
    g_assert_cmpuint(thread_host_id(&t), ==, own);
}

static void *call_thread(void *arg)
{
    g_assert_false(mainloop_is_current());
    mainloop_call(call_note, "1");
    mainloop_call(call_note, "x");
    mainloop_call(call_note, "2");
    return NULL;
}

static void test_calls(void)
{
    Thread t;

    call_log = g_string_new(NULL);
    thread_start(&t, "calls", call_thread, NULL);
    thread_join(&t);
    mainloop_call_cancel(call_note, "x");
    mainloop_call(call_quit, NULL);
    g_assert_cmpstr(call_log->str, ==, "");
    g_assert_cmpint(mainloop_run(), ==, 3);
    g_assert_true(g_str_equal(call_log->str, "12") || g_str_equal(call_log->str, "1x2"));
    g_string_truncate(call_log, 0);
    mainloop_call(call_again, NULL);
    mainloop_iterate(false);
    g_assert_cmpstr(call_log->str, ==, "r");   /* one turn, one call */
    while (call_log->len < 20) {
        mainloop_iterate(true);
    }
    g_string_free(call_log, TRUE);
}

typedef struct Watched {
    FdWatch *w;
    unsigned n, last;
} Watched;

static void watched_ready(void *opaque, int fd, unsigned revents)
{
    Watched *x = opaque;

    x->n++;
    x->last = revents;
    if (revents & POLLHUP) {
        fd_watch_free(x->w);   /* in its own callback */
        x->w = NULL;
    } else {
        fd_watch_set(x->w, 0);
    }
}

static void test_fd_watch(void)
{
    Watched x = { 0 };
    int fd[2];
    char c;

    g_assert_cmpint(pipe(fd), ==, 0);
    x.w = fd_watch_new(fd[0], 0, watched_ready, &x);
    g_assert_cmpint(write(fd[1], "ab", 2), ==, 2);
    for (int i = 0; i < 5; i++) {
        mainloop_iterate(false);
    }
    g_assert_cmpuint(x.n, ==, 0);
    fd_watch_set(x.w, POLLIN);
    while (x.n == 0) {
        mainloop_iterate(true);
    }
    for (int i = 0; i < 5; i++) {
        mainloop_iterate(false);
    }
    g_assert_cmpuint(x.n, ==, 1);   /* it put itself to sleep */
    g_assert_cmpint(read(fd[0], &c, 1), ==, 1);
    close(fd[1]);
    for (int i = 0; i < 5; i++) {
        mainloop_iterate(false);
    }
    g_assert_cmpuint(x.n, ==, 1);   /* asleep to the hang-up too */
    fd_watch_set(x.w, POLLIN);
    while (x.w) {
        mainloop_iterate(true);
    }
    g_assert_true(x.last & POLLHUP);
    close(fd[0]);
}

static void timer_fired(void *opaque)
{
    ++*(int *)opaque;
}

static void test_timer(void)
{
    int n = 0;
    MainTimer *t = main_timer_new(timer_fired, &n);

    main_timer_set(t, 1000000);
    while (n == 0) {
        mainloop_iterate(true);
    }
    for (int i = 0; i < 5; i++) {
        mainloop_iterate(false);
    }
    g_assert_cmpint(n, ==, 1);
    main_timer_set(t, 0);
    main_timer_set(t, -1);
    for (int i = 0; i < 5; i++) {
        mainloop_iterate(false);
    }
    g_assert_cmpint(n, ==, 1);
    main_timer_free(t);
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    mainloop_init();
    g_test_add_func("/util/keyval", test_keyval);
    g_test_add_func("/util/numbers", test_numbers);
    g_test_add_func("/util/bytes", test_bytes);
    g_test_add_func("/util/trace", test_trace);
    g_test_add_func("/util/log-items", test_log_items);
    g_test_add_func("/util/calls", test_calls);
    g_test_add_func("/util/thread-id", test_thread_id);
    g_test_add_func("/util/fd-watch", test_fd_watch);
    g_test_add_func("/util/timer", test_timer);
    return g_test_run();
}
