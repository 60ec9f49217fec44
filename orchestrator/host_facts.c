/*
 * host_facts.c - see host_facts.h. Called at start by the loop, then by the catalog's writing thread alone.
 */
#include "orchestrator/host_facts.h"
#include "api/common/buf.h"
#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "catalog/digest.h"
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#define PACKAGES "/var/lib/dpkg/status"
enum { FILE_MAX_BYTES = 4 << 20, PACKAGES_MAX_BYTES = 64 << 20, TEXT_MAX = 200 };

struct host_facts {
    struct utsname uname;
    char *system, *cpu_model, *machine, *container; /* or NULL */
    int64_t cpus, memory_bytes;                     /* 0: not known */
    struct stat packages_seen;
    char packages[DIGEST_HEX_SIZE]; /* "": not known */
    struct buf json;
};

static bool read_file(const char *path, size_t max_bytes, struct buf *out)
{
    struct err e = {0};
    AUTO_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    buf_clear(out);
    /* What a machine does not tell is null in the facts: no error. */
    return fd >= 0 && fd_read_all(fd, max_bytes, out, path, &e) == 0;
}

/* The rest of the first line that starts with `key`, without quotes and spaces around it; NULL: none. */
static char *line_of(struct buf *text, const char *key)
{
    for (const char *line = buf_cstr(text); line && *line;) {
        const char *end = strchrnul(line, '\n');
        if (!strncmp(line, key, strlen(key))) {
            const char *from = line + strlen(key), *to = end;
            while (from < to && strchr(" \t:=\"", *from))
                from++;
            while (to > from && strchr(" \t\"", to[-1]))
                to--;
            char safe[TEXT_MAX];
            text_sanitize(from, (size_t)(to - from), safe, sizeof safe);
            return safe[0] ? mem_strdup(safe) : NULL;
        }
        line = *end ? end + 1 : end;
    }
    return NULL;
}

static char *first_line(const char *path)
{
    AUTO_BUF struct buf text = BUF_INIT(FILE_MAX_BYTES);
    return read_file(path, 4096, &text) ? line_of(&text, "") : NULL;
}

static void read_processor(struct host_facts *h, bool *hypervisor)
{
    AUTO_BUF struct buf text = BUF_INIT(FILE_MAX_BYTES);
    *hypervisor = false;
    if (!read_file("/proc/cpuinfo", FILE_MAX_BYTES, &text))
        return;
    h->cpu_model = line_of(&text, "model name");
    const char *flags = strstr(buf_cstr(&text), "\nflags"), *end = flags ? strchrnul(flags + 1, '\n') : NULL;
    const char *found = flags ? strstr(flags, " hypervisor") : NULL;
    *hypervisor = found && found < end;
}

static void read_memory(struct host_facts *h)
{
    AUTO_BUF struct buf text = BUF_INIT(FILE_MAX_BYTES);
    if (!read_file("/proc/meminfo", FILE_MAX_BYTES, &text))
        return;
    AUTO_FREE char *total = line_of(&text, "MemTotal");
    h->memory_bytes = total ? (int64_t)strtoull(total, NULL, 10) << 10 : 0; /* in KiB there */
}

/* Hints, as good as what the machine shows of itself. */
static void read_virtual(struct host_facts *h, bool hypervisor)
{
    AUTO_FREE char *vendor = first_line("/sys/class/dmi/id/sys_vendor");
    AUTO_FREE char *product = first_line("/sys/class/dmi/id/product_name");
    if (hypervisor)
        h->machine = vendor || product ? mem_printf("%s%s%s", vendor ? vendor : "", vendor && product ? " " : "",
                                                    product ? product : "")
                                       : mem_strdup("yes");
    h->container = first_line("/run/systemd/container");
    if (!h->container && access("/.dockerenv", F_OK) == 0)
        h->container = mem_strdup("docker");
    if (!h->container && access("/run/.containerenv", F_OK) == 0)
        h->container = mem_strdup("podman");
}

struct host_facts *host_facts_new(void)
{
    struct host_facts *h = mem_alloc(sizeof *h);
    AUTO_BUF struct buf text = BUF_INIT(FILE_MAX_BYTES);
    bool hypervisor;

    buf_init(&h->json, 64 << 10);
    if (uname(&h->uname) < 0)
        memset(&h->uname, 0, sizeof h->uname);
    if (read_file("/etc/os-release", 64 << 10, &text))
        h->system = line_of(&text, "PRETTY_NAME");
    h->cpus = sysconf(_SC_NPROCESSORS_ONLN);
    read_processor(h, &hypervisor);
    read_memory(h);
    read_virtual(h, hypervisor);
    return h;
}

void host_facts_free(struct host_facts *h)
{
    if (!h)
        return;
    free(h->system);
    free(h->cpu_model);
    free(h->machine);
    free(h->container);
    buf_fini(&h->json);
    free(h);
}

/* False: they are what they were. */
static bool look_at_packages(struct host_facts *h)
{
    struct stat st = {0};
    struct err e = {0};
    (void)stat(PACKAGES, &st); /* not there: zeros */
    if (st.st_mtim.tv_sec == h->packages_seen.st_mtim.tv_sec && st.st_mtim.tv_nsec == h->packages_seen.st_mtim.tv_nsec &&
        st.st_size == h->packages_seen.st_size && st.st_ino == h->packages_seen.st_ino)
        return false;
    AUTO_BUF struct buf text = BUF_INIT(PACKAGES_MAX_BYTES);
    AUTO_FD int fd = open(PACKAGES, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    h->packages_seen = st;
    h->packages[0] = '\0';
    if (fd >= 0 && fd_read_all(fd, PACKAGES_MAX_BYTES, &text, PACKAGES, &e) == 0)
        digest_bytes(buf_cstr(&text), text.len, h->packages);
    return true;
}

static void int_or_null(struct jw *w, const char *key, int64_t n)
{
    if (n > 0)
        jw_int_at(w, key, n);
    else
        jw_null_at(w, key);
}

static void name_or_null(struct jw *w, const char *key, const char *s)
{
    char safe[TEXT_MAX];
    text_sanitize(s, strlen(s), safe, sizeof safe);
    jw_str_at(w, key, safe[0] ? safe : NULL);
}

const char *host_facts_json(struct host_facts *h)
{
    if (!look_at_packages(h) && h->json.len > 0)
        return buf_cstr(&h->json);
    buf_clear(&h->json);
    struct jw w = jw_to(&h->json);
    jw_obj(&w);
    name_or_null(&w, "hostname", h->uname.nodename);
    jw_obj_at(&w, "kernel");
    name_or_null(&w, "name", h->uname.sysname);
    name_or_null(&w, "release", h->uname.release);
    name_or_null(&w, "version", h->uname.version);
    name_or_null(&w, "machine", h->uname.machine);
    jw_end_obj(&w);
    jw_str_at(&w, "system", h->system);
    jw_str_at(&w, "packages_sha256", h->packages[0] ? h->packages : NULL);
    jw_str_at(&w, "cpu_model", h->cpu_model);
    int_or_null(&w, "cpus", h->cpus);
    int_or_null(&w, "memory_bytes", h->memory_bytes);
    jw_str_at(&w, "virtual", h->machine);
    jw_str_at(&w, "container", h->container);
    jw_end_obj(&w);
    return buf_cstr(&h->json);
}
