/* The gdb stub over the scripted machine: what queries answer, and what bad packets do.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include "gdb-client.h"

#include <string.h>

/* ---- what the session is ---- */

static void test_supported(GdbFixture *f, gconstpointer data)
{
    const char *r = gc_ask(&f->c, "qSupported:multiprocess+;swbreak+;hwbreak+;xmlRegisters=i386");

    gc_expect_has(r, "PacketSize=10000;");
    gc_expect_has(r, ";multiprocess+");
    gc_expect_has(r, ";swbreak+");
    gc_expect_has(r, ";hwbreak+");
    gc_expect_has(r, ";QStartNoAckMode+");
    gc_expect_has(r, ";ConditionalBreakpoints+");
    gc_expect_has(r, ";BreakpointCommands+");
    gc_expect_has(r, ";vContSupported+");
    gc_expect_has(r, ";qXfer:features:read+");
    gc_expect_has(r, ";qXfer:memory-map:read+");
    gc_expect_has(r, ";qXfer:threads:read+");
    gc_expect_lacks(r, "exec-file");
    gc_expect_lacks(r, "Reverse");
    gc_expect_lacks(r, "error-message");
    gc_expect_has(gc_ask(&f->c, "qSupported:error-message+"), ";error-message+");
    gc_expect(&f->c, "vMustReplyEmpty", "");
    gc_expect(&f->c, "bs", "");
    gc_expect(&f->c, "bc", "");
    gc_expect(&f->c, "nonsense", "");
    gc_expect(&f->c, "", "");
}

static void test_acks(GdbFixture *f, gconstpointer data)
{
    gc_expect(&f->c, "vMustReplyEmpty", "");
    g_assert_cmpuint(f->c.acks, ==, 1);
    gc_raw(&f->c, "$g#00", 5);
    g_assert_cmpuint(f->c.naks, ==, 1);
    gc_expect_nothing(&f->c);
    gc_expect(&f->c, "qAttached", "1");
    gc_raw(&f->c, "-", 1);      /* the client lost it: once more */
    g_assert_cmpstr(gc_next(&f->c), ==, "1");
    gc_raw(&f->c, "+++", 3);
    gc_expect_nothing(&f->c);
    gc_expect(&f->c, "QStartNoAckMode", "OK");
    g_assert_cmpuint(f->c.acks, ==, 3);
    gc_raw(&f->c, "+", 1);
    gc_expect(&f->c, "qAttached", "1");
    g_assert_cmpuint(f->c.acks, ==, 3);
    gc_raw(&f->c, "$g#00", 5);
    g_assert_cmpuint(f->c.naks, ==, 1);
    g_assert_cmpint(gc_next(&f->c)[0], ==, 'E');
    gc_raw(&f->c, "-", 1);
    gc_expect_nothing(&f->c);
}

static void test_threads(GdbFixture *f, gconstpointer data)
{
    gc_expect(&f->c, "qC", "QC1");
    gc_expect(&f->c, "qfThreadInfo", "m1,2");
    gc_expect(&f->c, "qsThreadInfo", "l");
    gc_expect(&f->c, "qsThreadInfo", "l");
    gc_expect(&f->c, "T1", "OK");
    gc_expect(&f->c, "T2", "OK");
    gc_expect_error(&f->c, "T3");
    gc_expect_error(&f->c, "Tffffffff");
    gc_expect(&f->c, "Hg2", "OK");
    gc_expect(&f->c, "qC", "QC2");
    g_assert_cmphex(gc_reg(&f->c, REG_PC), ==, LOOP + STEP);
    gc_expect(&f->c, "Hg0", "OK");
    gc_expect(&f->c, "qC", "QC2");
    gc_expect(&f->c, "Hg1", "OK");
    gc_expect_error(&f->c, "Hg3");
    gc_expect_error(&f->c, "Hgp99.1");
    gc_expect(&f->c, "qC", "QC1");
    gc_expect(&f->c, "Hc-1", "OK");
    gc_expect_error(&f->c, "qThreadExtraInfo,9");
    gc_expect_prefix(&f->c, "qThreadExtraInfo,1", "43505523302");  /* "CPU#0 " */
    gc_ask(&f->c, "qSupported:multiprocess+");
    gc_expect(&f->c, "qC", "QCp1.1");
    gc_expect(&f->c, "qfThreadInfo", "mp1.1,p1.2");
    gc_expect(&f->c, "Tp1.2", "OK");
    gc_expect(&f->c, "Hgp1.-1", "OK");
    gc_expect(&f->c, "qAttached:1", "1");
    gc_expect_error(&f->c, "qAttached:2");
    gc_expect_has(gc_ask(&f->c, "qXfer:threads:read::0,1000"),
               "<thread id=\"p1.2\" core=\"1\" name=\"CPU#1\">");
}

static void test_xfer(GdbFixture *f, gconstpointer data)
{
    g_autofree char *all = g_strdup(gc_ask(&f->c, "qXfer:features:read:target.xml:0,fff0"));
    g_autoptr(GString) parts = g_string_new(NULL);
    const char *r;

    g_assert_cmpint(all[0], ==, 'l');
    gc_expect_has(all, "<architecture>script</architecture>");
    gc_expect_has(all, "<reg name=\"pc\" bitsize=\"64\" regnum=\"16\" type=\"code_ptr\"");
    gc_expect_lacks(all, "encoding=");
    do {
        g_autofree char *ask = g_strdup_printf("qXfer:features:read:target.xml:%x,64",
                                               (unsigned)parts->len);

        r = gc_ask(&f->c, ask);
        g_assert_cmpuint(strlen(r), <=, 0x65);
        g_string_append(parts, r + 1);
    } while (r[0] == 'm');
    g_assert_cmpstr(parts->str, ==, all + 1);
    gc_expect_error(&f->c, "qXfer:features:read:target.xml:ffffff,10");
    gc_expect_error(&f->c, "qXfer:features:read:other.xml:0,10");
    gc_expect_error(&f->c, "qXfer:features:read:target.xml:0");
    gc_expect(&f->c, "qXfer:features:write:target.xml:0:00", "");
    gc_expect(&f->c, "qXfer:auxv:read::0,10", "");
    r = gc_ask(&f->c, "qXfer:memory-map:read::0,fff");
    gc_expect_has(r, "<memory type=\"ram\" start=\"0x0\" length=\"0x100000\"/>");
    gc_expect(&f->c, "QThreadSuffixSupported", "OK");
    gc_expect_has(gc_ask(&f->c, "qXfer:features:read:target.xml:0,fff0"),
               "generic=\"pc\" encoding=\"uint\" format=\"hex\"");
}

/* ---- registers and memory ---- */

static void test_registers(GdbFixture *f, gconstpointer data)
{
    g_autofree char *all = g_strdup(gc_ask(&f->c, "g"));
    g_autofree char *whole = g_strdup_printf("G%s", all);
    g_autofree char *longer = g_strdup_printf("G%s00", all);
    g_autofree char *shorter = g_strndup(whole, strlen(whole) - 2);

    g_assert_cmpuint(strlen(all), ==, 17 * 16);
    gc_expect(&f->c, whole, "OK");
    gc_expect_error(&f->c, longer);
    gc_expect_error(&f->c, shorter);
    gc_expect_error(&f->c, "G");
    gc_expect_error(&f->c, "G00");
    gc_expect(&f->c, "P3=1122334455667788", "OK");
    g_assert_cmphex(gc_reg(&f->c, 3), ==, UINT64_C(0x8877665544332211));
    gc_expect_error(&f->c, "P3=11223344556677");
    gc_expect_error(&f->c, "P3=112233445566778899");
    gc_expect_error(&f->c, "P3=112233445566778z");
    gc_expect_error(&f->c, "P3");
    gc_expect_error(&f->c, "P=00");
    gc_expect_error(&f->c, "P13=0000000000000000");     /* read-only */
    gc_expect(&f->c, "P13=0010000000000000", "OK");     /* ... but this is what it is */
    gc_expect(&f->c, "P12=02", "OK");
    gc_expect(&f->c, "p12", "02");
    gc_expect_error(&f->c, "p14");
    gc_expect_error(&f->c, "p80000000");
    gc_expect_error(&f->c, "pffffffff");
    gc_expect_error(&f->c, "pffffffffffffffff");
    gc_expect_error(&f->c, "pfffffffffffffffff");
    gc_expect_error(&f->c, "Pfffff000=00");
    gc_expect_error(&f->c, "p");
    gc_expect_error(&f->c, "pz");
    g_assert_cmphex(gc_reg(&f->c, 3), ==, UINT64_C(0x8877665544332211));
}

static void test_memory(GdbFixture *f, gconstpointer data)
{
    gc_expect(&f->c, "M3000,4:01020304", "OK");
    gc_expect(&f->c, "m3000,4", "01020304");
    gc_expect(&f->c, "m3001,2", "0203");
    gc_expect(&f->c, "mffff800000003000,4", "01020304");
    gc_send_bytes(&f->c, "X3004,4:$#}*", 12);
    g_assert_cmpstr(gc_next(&f->c), ==, "OK");
    gc_expect(&f->c, "m3000,8", "0102030424237d2a");
    gc_expect(&f->c, "X3000,0:", "OK");
    gc_expect(&f->c, "mffffe,10", "0000");              /* up to the end of RAM */
    gc_expect_error(&f->c, "m100000,1");
    gc_expect_error(&f->c, "mffffffffffffffff,10");
    gc_expect_error(&f->c, "m800000000000,10");
    gc_expect_error(&f->c, "Mffffe,4:01020304");
    gc_expect(&f->c, "mffffe,2", "0000");               /* nothing was written */
    gc_expect_error(&f->c, "Mffffffffffffffff,2:0102");
    gc_expect(&f->c, "x3000,8", "b\1\2\3\4$#}*");
    gc_expect(&f->c, "x3000,0", "b");
    gc_expect_error(&f->c, "x100000,1");
    gc_expect(&f->c, "QThreadSuffixSupported", "OK");
    gc_expect(&f->c, "x0,0", "OK");
    gc_expect(&f->c, "x3000,8", "\1\2\3\4$#}*");
}

static void test_search(GdbFixture *f, gconstpointer data)
{
    gc_expect(&f->c, "M3000,8:0102030431323334", "OK");
    gc_expect(&f->c, "qSearch:memory:3000;100;1234", "1,3004");
    gc_expect(&f->c, "qSearch:memory:3005;100;1234", "0");
    gc_expect(&f->c, "qSearch:memory:3000;7;1234", "0");
    gc_expect(&f->c, "qSearch:memory:3000;8;1234", "1,3004");
    gc_expect(&f->c, "qSearch:memory:3000;2;1234", "0");
    gc_expect_error(&f->c, "qSearch:memory:3000;100;");
    gc_expect_error(&f->c, "qSearch:memory:3000;100");
    gc_expect_error(&f->c, "qSearch:memory:fff00;1000;1234");
    gc_expect(&f->c, "M3000,9:313233343536373839", "OK");
    gc_expect(&f->c, "qCRC:3000,9", "C0376e6e7");
    gc_expect(&f->c, "qCRC:3000,0", "Cffffffff");
    gc_expect_error(&f->c, "qCRC:fff00,1000");
    gc_expect_error(&f->c, "qCRC:ffffffffffffffff,2");
}

static void test_physical(GdbFixture *f, gconstpointer data)
{
    sm_cpu(&f->m, 0)->hole_lo = 0x3000;
    sm_cpu(&f->m, 0)->hole_hi = 0x4000;
    gc_expect_error(&f->c, "m3000,4");
    gc_expect(&f->c, "m2ffe,4", "0000");
    gc_expect(&f->c, "qqemu.PhyMemMode", "0");
    gc_expect(&f->c, "Qqemu.PhyMemMode:1", "OK");
    gc_expect(&f->c, "qqemu.PhyMemMode", "1");
    gc_expect(&f->c, "m3000,4", "00000000");
    gc_expect(&f->c, "M3000,1:ff", "OK");
    gc_expect_error(&f->c, "Qqemu.PhyMemMode:2");
    gc_expect_error(&f->c, "Qqemu.PhyMemMode:");
    gc_expect(&f->c, "Qqemu.PhyMemMode:0", "OK");
    gc_expect(&f->c, "qqemu.sstepbits", "ENABLE=1,NOIRQ=2,NOTIMER=4");
    gc_expect(&f->c, "qqemu.sstep", "0x7");
    gc_expect(&f->c, "Qqemu.sstep=1", "OK");
    gc_expect(&f->c, "qqemu.sstep", "0x1");
    gc_expect(&f->c, "Qqemu.sstep=0x7", "OK");
    gc_expect_error(&f->c, "Qqemu.sstep=8");
    gc_expect_error(&f->c, "Qqemu.sstep=");
    /* The next client finds all as it was. */
    gc_expect(&f->c, "Qqemu.PhyMemMode:1", "OK");
    gc_fini(&f->c);
    gc_init(&f->c, &f->m, f->debug);
    gc_expect(&f->c, "qqemu.PhyMemMode", "0");
}

/* A packet of exactly the size we say works; one more is an error. */
static void test_full_packet(GdbFixture *f, gconstpointer data)
{
    static const char head[] = "M04000,7ffa:";
    g_autofree char *packet = g_malloc(GDB_PACKET_SIZE + 2);

    G_STATIC_ASSERT(sizeof(head) - 1 + 2 * 0x7ffa == GDB_PACKET_SIZE);
    memset(packet, '7', GDB_PACKET_SIZE);
    memcpy(packet, head, sizeof(head) - 1);
    packet[GDB_PACKET_SIZE] = 0;
    gc_expect(&f->c, packet, "OK");
    gc_expect(&f->c, "mbff0,4", "77777777");
    packet[GDB_PACKET_SIZE] = '7';
    packet[GDB_PACKET_SIZE + 1] = 0;
    gc_expect_error(&f->c, packet);
    gc_expect(&f->c, "qAttached", "1");
}

/* ---- bad input ---- */

/* Packets that are malformed; each is answered with an error and changes nothing. */
static const char *const malformed[] = {
    "m", "m,", "m1000", "m1000,", "m1000,0", "m1000,4x", "mx,4", "m-1,4", "m1000;4",
    "m11111111111111111,4", "m1000,11111111111111111",
    "M", "M1000", "M1000,", "M1000,1", "M1000,1:", "M1000,1:0", "M1000,1:zz", "M1000,1:0000",
    "M1000,ffffffffffffffff:00", "M1000,7fffffff:00",
    "X", "X1000,1", "X1000,2:a", "X1000,1:ab", "X1000,ffffffffffffffff:a", "x", "x1000", "x1000,z",
    "H", "Hg", "Hc", "Hx1", "Hgp", "Hg1.", "Hgp1.", "Hgp-1.1", "Hg1x", "Hgz", "Hg-2", "T", "Tz",
    "T1x", "T-1", "Tp1", "Tp2.1", "cz", "c1000x", "sz", "C", "Cz", "C05;", "C05x", "C100", "S",
    "S1g", "S05;z", "c11111111111111111", "vCont;", "vCont;;", "vCont;x", "vCont;c:", "vCont;c:z",
    "vCont;c:p99.-1", "vCont;c:3", "vCont;c;", "vCont;s:1;", "vCont;r", "vCont;r1", "vCont;r1,",
    "vCont;r1,g", "vCont;r1000", "vCont;C", "vCont;C:1", "vCont;Cxx", "vCont;C100", "vCont;c:1x",
    "vCont;s:p1.1;c:p1.-1x", "vCont;c:1;q",
    "Z", "Z0", "Z0,", "Z0,1000", "Z0,1000,", "Z0,1000,x", "Z0,x,1", "Z0;1000,1", "Zx,1000,1",
    "z", "z0,1000", "z0,1000,1x", "z0,1000,1;X1,00", "Z0,1000,1x", "Z2,1000,0", "Z3,1000,0",
    "Z4,ffffffffffffffff,ffffffffffffffff", "Z0,11111111111111111,1",
    "p", "p-1", "p0x", "P", "P0", "P0=", "P0=zz", "P0=00", "G", "Gzz", "g1", "gg", "Dx", "D;",
    "D;x", "D;0x", "D2", "vKill;", "vKill;x", "vKill;0", "vAttach;", "vAttach;x", "vAttach;0",
    "qSearch:memory:", "qSearch:memory:1000", "qSearch:memory:1000;10", "qSearch:memory:x;1;1",
    "qCRC:", "qCRC:1000", "qCRC:1000,", "qCRC:x,1", "qCRC:1000,1x", "qThreadExtraInfo,",
    "qThreadExtraInfo,z", "qThreadExtraInfo,-1", "qRcmd,0", "qRcmd,zz", "qRcmd,ff",
    "qXfer:features:read:", "qXfer:features:read::0,10", "qXfer:features:read:target.xml:",
    "qXfer:features:read:target.xml:0,", "qXfer:features:read:target.xml:0,0",
    "qXfer:features:read:target.xml:x,1", "qXfer:features:read:target.xml:0,1x",
    "qXfer:features:read:target.xml:ffffffffffffffff,1", "qXfer:memory-map:read:x:0,1",
    "qXfer:threads:read:x:0,1", "qAttached:", "qAttached:x", "qAttached1", "Qqemu.sstep=x",
    "Qqemu.sstep=1x", "Qqemu.PhyMemMode:x", "qRegisterInfo", "qRegisterInfoz", "qRegisterInfoff",
    "qMemoryRegionInfo:", "qMemoryRegionInfo:x", "qThreadStopInfo", "qThreadStopInfo9",
    "qThreadStopInfox", "QRestoreRegisterState:", "QRestoreRegisterState:1",
    "QRestoreRegisterState:x", "QSaveRegisterStatex", "qWatchpointSupportInfo:x",
};

static void test_malformed(GdbFixture *f, gconstpointer data)
{
    g_autofree char *before = g_strdup(gc_ask(&f->c, "g"));
    PointInfo info;

    for (unsigned i = 0; i < G_N_ELEMENTS(malformed); i++) {
        gc_expect_error(&f->c, malformed[i]);
    }
    gc_expect_nothing(&f->c);
    g_assert_false(debug_point_next(f->debug, 0, &info));
    g_assert_false(gf_running(f));
    gc_expect(&f->c, "g", before);
    gc_expect(&f->c, "Z9,1000,1", "");
    gc_expect(&f->c, "qSupportedx", "");
    gc_expect_prefix(&f->c, "qSupported:;;;=;+;multiprocess;swbreak-;hwbreak?;PacketSize=zz",
                     "Packet");
}

/* What ends or upsets another emulator: each is answered in form and changes nothing. */
static void test_deadly(GdbFixture *f, gconstpointer data)
{
    g_autofree char *before = g_strdup(gc_ask(&f->c, "g"));

    gc_expect(&f->c, "bs", "");
    gc_expect(&f->c, "bc", "");
    gc_expect_error(&f->c, "vCont;c:p99.-1");
    gc_expect_error(&f->c, "D;99");
    gc_expect_error(&f->c, "p80000000");
    gc_expect_error(&f->c, "pffffffff");
    gc_expect_error(&f->c, "Pfffff000=00");
    gc_expect_error(&f->c, "G0011");
    g_assert_false(gf_running(f));
    gc_expect(&f->c, "g", before);
    gc_expect(&f->c, "D", "OK");
    g_assert_cmpuint(strlen(gc_ask(&f->c, "g")), ==, strlen(before));
}

static void test_errors(GdbFixture *f, gconstpointer data)
{
    gc_expect(&f->c, "p14", "E16");
    gc_ask(&f->c, "qSupported:error-message+");
    gc_expect(&f->c, "p14", "E.no register has this number");
    gc_expect(&f->c, "P13=0000000000000000", "E.register reset_pc is read-only");
    gc_fini(&f->c);
    gc_init(&f->c, &f->m, f->debug);
    gc_expect(&f->c, "QEnableErrorStrings", "OK");
    gc_expect_prefix(&f->c, "p14", "E16;6e6f2072");
}

/* ---- monitor, LLDB ---- */

static char *console(GdbClient *c)
{
    GString *text = g_string_new(NULL);
    const char *r;

    while ((r = gc_next(c))[0] == 'O' && strcmp(r, "OK")) {
        for (r++; r[0] && r[1]; r += 2) {
            g_string_append_c(text, g_ascii_xdigit_value(r[0]) << 4 | g_ascii_xdigit_value(r[1]));
        }
    }
    g_assert_cmpstr(r, ==, "OK");
    return g_string_free(text, FALSE);
}

static void test_monitor(GdbFixture *f, gconstpointer data)
{
    g_autofree char *help = NULL, *points = NULL, *unknown = NULL;

    gc_send(&f->c, "qRcmd,68656c70");
    help = console(&f->c);
    gc_expect_has(help, "system_reset");
    gc_expect(&f->c, "Z0,1008,1", "OK");
    gc_send(&f->c, "qRcmd,696e666f206465627567");
    points = console(&f->c);
    gc_expect_has(points, "machine: stopped\ncontrol: test\n");
    gc_expect_has(points, "0x0000000000001008");
    gc_send(&f->c, "qRcmd,78797a");
    unknown = console(&f->c);
    gc_expect_has(unknown, "unknown command 'xyz'");
}

static void test_lldb(GdbFixture *f, gconstpointer data)
{
    const char *r;

    gc_expect(&f->c, "QThreadSuffixSupported", "OK");
    gc_expect(&f->c, "QListThreadsInStopReply", "OK");
    gc_expect_prefix(&f->c, "qGDBServerVersion", "name:glassbox;version:");
    gc_expect_has(gc_ask(&f->c, "qHostInfo"),
                  "endian:little;watchpoint_exceptions_received:after;");
    gc_expect_prefix(&f->c, "qProcessInfo", "pid:1;");
    gc_expect_prefix(&f->c, "qRegisterInfo10", "name:pc;bitsize:64;offset:128;encoding:uint;");
    gc_expect_has(gc_ask(&f->c, "qRegisterInfo10"), "generic:pc;");
    gc_expect_prefix(&f->c, "qWatchpointSupportInfo:", "num:");
    r = gc_ask(&f->c, "?");
    gc_expect_has(r, "threads:1,2;thread-pcs:1000,1100;");
    gc_expect(&f->c, "Z2,2000,8", "OK");
    r = gc_ask(&f->c, "c");
    gc_expect_has(r, "reason:watchpoint;description:");
    r = gc_ask(&f->c, "jThreadsInfo");
    gc_expect_prefix(&f->c, "jThreadsInfo", "[{\"tid\":1,\"name\":\"CPU#0\"");
    gc_expect_has(f->c.reply->str, "\"reason\":\"watchpoint\"");
    gc_expect_prefix(&f->c, "qThreadStopInfo1", "T05watch:2000;");
    gc_expect(&f->c, "p10;thread:1;", "0c10000000000000");
    gc_expect(&f->c, "P3;thread:2;", "E16");
    gc_expect(&f->c, "P3=0100000000000000;thread:2;", "OK");
    g_assert_cmphex(sm_cpu(&f->m, 1)->r[3], ==, 1);
    g_assert_cmphex(sm_cpu(&f->m, 0)->r[3], ==, 0);
    gc_expect(&f->c, "QSaveRegisterState;thread:2;", "1");
    gc_expect(&f->c, "P3=0200000000000000;thread:2;", "OK");
    gc_expect(&f->c, "QRestoreRegisterState:1;thread:2;", "OK");
    g_assert_cmphex(sm_cpu(&f->m, 1)->r[3], ==, 1);
    gc_expect_error(&f->c, "QRestoreRegisterState:1;thread:2;");
    sm_cpu(&f->m, 0)->hole_lo = 0x3000;
    sm_cpu(&f->m, 0)->hole_hi = 0x5000;
    gc_expect(&f->c, "qMemoryRegionInfo:1000", "start:1000;size:2000;permissions:rwx;");
    gc_expect(&f->c, "qMemoryRegionInfo:3010", "start:3010;size:1ff0;");
    gc_expect(&f->c, "qStructuredDataPlugins", "");
    gc_expect(&f->c, "qShlibInfoAddr", "");
}

int main(int argc, char **argv)
{
    static const struct { const char *name; void (*fn)(GdbFixture *, gconstpointer); } rows[] = {
        { "supported", test_supported }, { "acks", test_acks }, { "threads", test_threads },
        { "xfer", test_xfer }, { "registers", test_registers }, { "memory", test_memory },
        { "search", test_search }, { "physical", test_physical },
        { "full-packet", test_full_packet }, { "malformed", test_malformed },
        { "deadly", test_deadly }, { "errors", test_errors }, { "monitor", test_monitor },
        { "lldb", test_lldb },
    };

    g_test_init(&argc, &argv, NULL);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strconcat("/gdbstub/", rows[i].name, NULL);

        g_test_add(path, GdbFixture, NULL, gf_setup, rows[i].fn, gf_teardown);
    }
    return g_test_run();
}
