/*
 * probe.c - the attack probe: `probe VERB [ARGUMENT]...`, one static binary without any library.
 *
 * `probe help` lists the verbs. See probe.h for what they print.
 */
#define _GNU_SOURCE
#include "tests/probe/probe.h"
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char attempts[192 << 10];
static size_t attempts_len;
static char facts[64 << 10];
static size_t facts_len;
static const char *verb_name = "";
static bool said;

const char *probe_errno_name(int number)
{
    const char *name = number == 0 ? "" : strerrorname_np(number);
    return name != NULL ? name : "unknown";
}

/* Appends printable ASCII as it is and escapes the rest byte by byte. */
static void add_quoted(char *out, size_t size, size_t *len, const char *text)
{
    if (*len + 2 >= size)
        return;
    out[(*len)++] = '"';
    for (; *text != '\0' && *len + 8 < size; text++) {
        unsigned char c = (unsigned char)*text;
        if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
            *len += (size_t)snprintf(out + *len, size - *len, "\\u%04x", c);
        else
            out[(*len)++] = (char)c;
    }
    out[(*len)++] = '"';
}

static void add_text(char *out, size_t size, size_t *len, const char *text)
{
    size_t n = strlen(text);
    if (*len + n + 1 < size) {
        memcpy(out + *len, text, n);
        *len += n;
    }
}

long probe_attempt(const char *call, long ret)
{
    int number = errno;
    char tail[96];

    if (attempts_len + 512 > sizeof attempts)
        return ret;
    if (attempts_len > 0)
        attempts[attempts_len++] = ',';
    add_text(attempts, sizeof attempts, &attempts_len, "{\"call\":");
    add_quoted(attempts, sizeof attempts, &attempts_len, call);
    snprintf(tail, sizeof tail, ",\"ret\":%ld,\"errno\":\"%s\"}", ret,
             ret < 0 ? probe_errno_name(number) : "");
    add_text(attempts, sizeof attempts, &attempts_len, tail);
    errno = number;
    return ret;
}

static void fact_name(const char *name)
{
    if (facts_len > 0)
        facts[facts_len++] = ',';
    add_quoted(facts, sizeof facts, &facts_len, name);
    facts[facts_len++] = ':';
}

void probe_fact_int(const char *name, long value)
{
    char text[32];

    if (facts_len + 512 > sizeof facts)
        return;
    fact_name(name);
    snprintf(text, sizeof text, "%ld", value);
    add_text(facts, sizeof facts, &facts_len, text);
}

void probe_fact_str(const char *name, const char *value)
{
    if (facts_len + strlen(value) * 6 + 512 > sizeof facts)
        return;
    fact_name(name);
    add_quoted(facts, sizeof facts, &facts_len, value);
}

void probe_say(void)
{
    static char line[sizeof attempts + sizeof facts + 256];
    size_t done = 0;
    int len;

    if (said)
        return;
    said = true;
    len = snprintf(line, sizeof line, "{\"verb\":\"%s\",\"attempts\":[%.*s],\"facts\":{%.*s}}\n", verb_name,
                   (int)attempts_len, attempts, (int)facts_len, facts);
    while (done < (size_t)len) {
        ssize_t n = write(STDOUT_FILENO, line + done, (size_t)len - done);
        if (n <= 0)
            _exit(99);
        done += (size_t)n;
    }
}

int probe_wait(void)
{
    while (pause() < 0)
        ;
    return 0;
}

long probe_arg(int argc, char **argv, int at, long otherwise)
{
    return at < argc ? strtol(argv[at], NULL, 10) : otherwise;
}

void probe_status(const char *name, char *out, size_t out_size)
{
    FILE *f = fopen("/proc/self/status", "re");
    char line[512];
    size_t n = strlen(name);

    out[0] = '\0';
    if (f == NULL)
        return;
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, name, n) == 0 && line[n] == ':') {
            char *value = line + n + 1 + strspn(line + n + 1, " \t");
            value[strcspn(value, "\n")] = '\0';
            snprintf(out, out_size, "%s", value);
            break;
        }
    }
    fclose(f);
}

int main(int argc, char **argv)
{
    static const struct verb *const tables[] = {verbs_namespaces, verbs_processes, verbs_resources,
                                                verbs_channels,   verbs_outputs,   verbs_host, verbs_fuzz};
    const char *asked = argc > 1 ? argv[1] : "help";
    bool help = strcmp(asked, "help") == 0;

    for (size_t t = 0; t < sizeof tables / sizeof *tables; t++) {
        for (const struct verb *v = tables[t]; v->name != NULL; v++) {
            if (help) {
                printf("%-20s %s\n", v->name, v->help);
            } else if (strcmp(v->name, asked) == 0) {
                verb_name = v->name;
                int status = v->run(argc - 2, argv + 2);
                probe_say();
                return status;
            }
        }
    }
    if (help)
        return 0;
    fprintf(stderr, "probe: no verb %s; `probe help` lists them\n", asked);
    return 2;
}
