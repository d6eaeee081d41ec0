/* QMP's bytes: framing of a stream, strict reading of JSON, writing; broken and random input.
 * SPDX-License-Identifier: GPL-2.0-or-later */
#include <string.h>
#include "monitor/qmp_framing.h"
#include "monitor/qmp_json.h"

/* Feeds a text in pieces of `step` bytes; what comes out, values in <>, an error as !. */
static char *frames(const char *text, size_t len, size_t step, size_t size_max)
{
    GString *out = g_string_new(NULL);
    QmpFramer f;

    qmp_framer_init(&f, size_max);
    for (size_t at = 0; at < len;) {
        size_t used;
        QmpFrameEvent ev = qmp_framer_feed(&f, (const uint8_t *)text + at, MIN(step, len - at),
                                           &used);

        g_assert_cmpuint(used, <=, MIN(step, len - at));
        g_assert_true(ev != QMP_FRAME_NONE || used == MIN(step, len - at));
        at += used;
        if (ev == QMP_FRAME_VALUE) {
            g_string_append_printf(out, "<%s>", f.text->str);
        } else if (ev == QMP_FRAME_ERROR) {
            g_assert_nonnull(f.error);
            g_string_append_c(out, '!');
        }
    }
    qmp_framer_clear(&f);
    return g_string_free(out, FALSE);
}

static void check_frames(const char *text, const char *want)
{
    for (size_t step = 1; step < 20; step++) {
        g_autofree char *got = frames(text, strlen(text), step, QMP_SIZE_MAX);
        g_assert_cmpstr(got, ==, want);
    }
}

static void test_values(void)
{
    check_frames("{}", "<{}>");
    check_frames("{}{}", "<{}><{}>");
    check_frames(" {\"a\":[1,{\"b\":2}]}\r\n[1]\n", "<{\"a\":[1,{\"b\":2}]}><[1]>");
    check_frames("{\"}\":\"]\\\"}\\\\\"}{}", "<{\"}\":\"]\\\"}\\\\\"}><{}>");
    check_frames("\"{\"{}", "<\"{\"><{}>");
    check_frames("{'}\"\\'': '\"'}{}", "<{'}\"\\'': '\"'}><{}>");
    check_frames("12 true\nnull{}-1.5e+3[]", "<12><true><null><{}><-1.5e+3><[]>");
    check_frames("{\n \"a\" :\t1\n}", "<{\n \"a\" :\t1\n}>");
    check_frames("{\"a\": 1", "");
}

static void test_recovery(void)
{
    check_frames("}{}", "!<{}>");
    check_frames("]]]\n{}", "!<{}>");
    check_frames(":;%&/ abc\n{}", "!<{}>");
    check_frames("{\"a\": [}\n{}", "!<{}>");
    check_frames("[1}{}", "!<{}>");
    check_frames("{\"a\n{}", "!<{}>");                 /* a string that does not end */
    check_frames("{\"a\": \"b\\\n{}", "!<{}>");
    check_frames("{\x01{}", "!<{}>");
    check_frames("{\"a\": 01}{}", "<{\"a\": 01}><{}>");     /* balanced: the reader's business */
    /* What can never be whole is told at once, and swallows nothing of what comes behind. */
    check_frames("{a: 01}{}", "!<{}>");
    check_frames("{bad\n{\"b\": 1}", "!<{\"b\": 1}>");
    check_frames("{\"a\": {\"b\": 1}\n{\"c\": [1, 2]}", "!<{\"c\": [1, 2]}>");
    check_frames("[1 {\"c\": 3}", "!<{\"c\": 3}>");
    check_frames("[1, {\"c\": true}, \"x\", -1.5e+3, [], {}]", "<[1, {\"c\": true}, \"x\", -1.5e+3, [], {}]>");
    check_frames("\xff{}", "<{}>");
    check_frames("\xff\xff\n\xff{}\xff", "<{}>");
    check_frames("{\"a\": \"b\xff{}", "!<{}>");
    check_frames("{\"a\": {\xff{}", "!<{}>");
    check_frames("12\xff{}", "!<{}>");
    check_frames("}abc\xff{}", "!<{}>");
    check_frames("\xc3\xa4{}", "!<{}>");
}

static void test_limits(void)
{
    g_autoptr(GString) deep = g_string_new(NULL);
    g_autofree char *got = NULL, *want = NULL;

    for (unsigned i = 0; i < QMP_DEPTH_MAX; i++) {
        g_string_append(deep, i % 2 ? "[" : "{\"a\":");
    }
    g_string_append(deep, "1");
    for (unsigned i = QMP_DEPTH_MAX; i-- > 0;) {
        g_string_append_c(deep, i % 2 ? ']' : '}');
    }
    want = g_strdup_printf("<%s>", deep->str);
    check_frames(deep->str, want);
    g_string_truncate(deep, 0);
    for (unsigned i = 0; i <= QMP_DEPTH_MAX; i++) {
        g_string_append_c(deep, '[');
    }
    g_string_append(deep, "\n{}");
    check_frames(deep->str, "!<{}>");
    got = frames("{\"a\": 123456789}\n{}", 19, 3, 10);
    g_assert_cmpstr(got, ==, "!<{}>");
    g_clear_pointer(&got, g_free);
    got = frames("1234567890123\n{}", 16, 16, 10);
    g_assert_cmpstr(got, ==, "!<{}>");
}

/* What a value is read as, written back without white space by json-glib; NULL: refused. */
static char *reread(const char *text, char **id)
{
    g_autoptr(JsonNode) node = NULL;
    g_autoptr(GError) err = NULL;

    node = qmp_json_parse(text, strlen(text), id, &err);
    g_assert_true(!node == (err != NULL));
    return node ? json_to_string(node, FALSE) : NULL;
}

static void check_reads(const char *text, const char *want)
{
    g_autofree char *id = NULL, *got = reread(text, &id);

    if (g_strcmp0(got, want)) {
        g_error("'%s' is read as '%s', not '%s'", text, got, want);
    }
}

static void test_reading(void)
{
    check_reads("{}", "{}");
    check_reads(" [ 1 , -2 , 0 , 1.5 , true , false , null , \"a\" ] ",
                "[1,-2,0,1.5,true,false,null,\"a\"]");
    check_reads("{\"a\" : {\"b\":[ ]}}", "{\"a\":{\"b\":[]}}");
    check_reads("9223372036854775807", "9223372036854775807");
    check_reads("-9223372036854775808", "-9223372036854775808");
    check_reads("[1e2]", "[100.0]");
    check_reads("[1E+2]", "[100.0]");
    check_reads("[25e-1]", "[2.5]");
    check_reads("\"\\u0041\\n\\ud83d\\ude00\"", "\"A\\n\360\237\230\200\"");
    check_reads("{'a' : 'b\"c\\'\\\"'}", "{\"a\":\"b\\\"c'\\\"\"}");
    static const char *const refused[] = {
        "", " ", "{", "{]", "[1,]", "{,}", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}",
 "{'a\":1}", "[1 2]", "{} {}", "01", "-", "+1", "1.", ".5", "1e", "0x10", "[/* */]",
        "[1] // x", "True", "nul", "nan", "inf", "undefined", "\"a", "\"\\x\"", "\"\\u12\"",
        "\"\\u0000\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\t\"", "\"\xff\"",
        "\"\xc0\x80\"", "var a = 1", "[1];",
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(refused); i++) {
        check_reads(refused[i], NULL);
    }
}

/* All 64 bits come through, whatever the sign. */
static void test_big_numbers(void)
{
    static const struct {
        const char *text;
        uint64_t value;
    } rows[] = {
        { "18446744073709551615", UINT64_MAX },
        { "18446744071562067968", UINT64_C(0xffffffff80000000) },
        { "9223372036854775808", UINT64_C(1) << 63 },
        { "-1", UINT64_MAX },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *id = NULL;
        g_autoptr(JsonNode) node = qmp_json_parse(rows[i].text, strlen(rows[i].text), &id, NULL);

        g_assert_cmpint(json_node_get_value_type(node), ==, G_TYPE_INT64);
        g_assert_cmpuint((uint64_t)json_node_get_int(node), ==, rows[i].value);
    }
    g_autofree char *id = NULL;
    g_autoptr(JsonNode) node = qmp_json_parse("18446744073709551616", 20, &id, NULL);
    g_assert_cmpint(json_node_get_value_type(node), ==, G_TYPE_DOUBLE);
}

static void test_id(void)
{
    static const struct {
        const char *text, *id;
    } rows[] = {
        { "{\"id\": 7}", "7" },
        { "{\"a\": 1, \"id\" : { \"x\" : [ 1, \"a b\" ] } , \"b\": 2}", "{\"x\":[1,\"a b\"]}" },
        { "{\"id\": 18446744073709551615}", "18446744073709551615" },
        { "{\"id\": null}", "null" },
        { "{\"a\": {\"id\": 1}}", NULL },
        { "[{\"id\": 1}]", NULL },
        { "{\"id\": \"\\u00e4\"}", "\"\\u00e4\"" },
    };
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *id = NULL, *got = reread(rows[i].text, &id);

        g_assert_nonnull(got);
        g_assert_cmpstr(id, ==, rows[i].id);
    }
}

static void write_some(JsonOut *o)
{
    json_out_object(o, NULL);
    json_out_str(o, "s", "a\"\\\n\t\x01\xc3\xa4\xf0\x9f\x98\x80\xff");
    json_out_uint(o, "u", UINT64_MAX);
    json_out_int(o, "i", INT64_MIN);
    json_out_array(o, "l");
    json_out_bool(o, NULL, true);
    json_out_bool(o, NULL, false);
    json_out_object(o, NULL);
    json_out_end(o);
    json_out_end(o);
    json_out_hex(o, "h", (const uint8_t *)"\x00\xab", 2);
    json_out_raw(o, "r", "null");
    json_out_end(o);
}

static void test_writing(void)
{
    JsonOut o;

    json_out_init(&o, false);
    write_some(&o);
    g_assert_cmpstr(o.text->str, ==,
                    "{\"s\": \"a\\\"\\\\\\n\\t\\u0001\\u00e4\\ud83d\\ude00\\ufffd\""
                    ", \"u\": 18446744073709551615, \"i\": -9223372036854775808, "
                    "\"l\": [true, false, {}], \"h\": \"00ab\", \"r\": null}");
    json_out_clear(&o);
    json_out_init(&o, true);
    write_some(&o);
    g_assert_nonnull(strstr(o.text->str, "{\n    \"s\": "));
    g_assert_nonnull(strstr(o.text->str,
                            "\"l\": [\n        true,\n        false,\n        {}\n    ],"));
    g_assert_true(g_str_has_suffix(o.text->str, "\"r\": null\n}"));
    json_out_clear(&o);
}

/* Damaged input never breaks the framer: after a line's end and FFh it takes a value again, and
 * what it hands over the reader accepts or refuses. */
static void test_mutations(void)
{
    static const char sample[] =
        "{\"execute\": \"human-monitor-command\", \"arguments\": {\"command-line\": "
        "\"info \\\"x\\\" [1]\", \"list\": [1, -2.5e3, {\"a\": null}]}, "
        "\"id\": [\"\\u00e4\", 18446744073709551615]}\n";
    static const char noise[] = "{}[]\",:\\\n\t \xff\x80\x01" "0a-.u";
    g_autoptr(GString) text = g_string_new(NULL);

    for (unsigned round = 0; round < 20000; round++) {
        QmpFramer f;
        bool value = false;

        g_string_assign(text, sample);
        for (int n = g_test_rand_int_range(1, 6); n > 0; n--) {
            int at = g_test_rand_int_range(0, (int)text->len);

            if (g_test_rand_bit()) {
                text->str[at] = noise[g_test_rand_int_range(0, sizeof(noise) - 1)];
            } else if (g_test_rand_bit()) {
                g_string_erase(text, at, MIN(3, (int)text->len - at));
            } else {
                g_string_insert_c(text, at, noise[g_test_rand_int_range(0, sizeof(noise) - 1)]);
            }
        }
        g_string_append(text, "\xff{\"last\": 1}");
        qmp_framer_init(&f, QMP_SIZE_MAX);
        for (size_t at = 0; at < text->len;) {
            size_t used, len = MIN((size_t)g_test_rand_int_range(1, 40), text->len - at);
            QmpFrameEvent ev = qmp_framer_feed(&f, (const uint8_t *)text->str + at, len, &used);

            at += used;
            value = ev == QMP_FRAME_VALUE;
            if (value) {
                g_autofree char *id = NULL;
                g_autoptr(JsonNode) node = qmp_json_parse(f.text->str, f.text->len, &id, NULL);

                g_assert_true(node || !id);
            }
        }
        g_assert_true(value);
        g_assert_cmpstr(f.text->str, ==, "{\"last\": 1}");
        qmp_framer_clear(&f);
    }
}

int main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/qmp-framing/values", test_values);
    g_test_add_func("/qmp-framing/recovery", test_recovery);
    g_test_add_func("/qmp-framing/limits", test_limits);
    g_test_add_func("/qmp-framing/reading", test_reading);
    g_test_add_func("/qmp-framing/big-numbers", test_big_numbers);
    g_test_add_func("/qmp-framing/id", test_id);
    g_test_add_func("/qmp-framing/writing", test_writing);
    g_test_add_func("/qmp-framing/mutations", test_mutations);
    return g_test_run();
}
