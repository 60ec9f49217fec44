/*
 * warm_run.c - the monitor's part of a warm start: whether this run can be started so, and the request.
 */
#include "runner/warm.h"

#include "api/common/fd.h"
#include "runner/sandbox.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- whether ---- */

/* Read when Python or a library starts: in the template that has been, without them. */
static const char *const early_prefixes[] = {
    "PYTHON", "LC_", "LANG", "OMP_", "GOMP_", "KMP_", "OPENBLAS_", "GOTO_", "MKL_", "BLIS_", "NUMEXPR_", "VECLIB_",
    "MALLOC_", "GLIBC_", "NPY_", "NUMPY_", "NUMBA_", "LOKY_", "JOBLIB_", "MPL",
};

static bool is_early(const char *assignment, const struct profile *p)
{
    size_t len = strcspn(assignment, "=");
    if (len == 4 && strncmp(assignment, "PATH", 4) == 0)
        return true;
    for (size_t i = 0; i < sizeof early_prefixes / sizeof *early_prefixes; i++)
        if (strncmp(assignment, early_prefixes[i], strlen(early_prefixes[i])) == 0)
            return true;
    for (size_t i = 0; i < p->preload_count; i++) { /* SKLEARN_..., PANDAS_... */
        const char *module = p->preload[i];
        size_t n = strcspn(module, "."), k = 0;
        while (k < n && k < len && toupper((unsigned char)module[k]) == assignment[k])
            k++;
        if (k == n && assignment[k] == '_')
            return true;
    }
    return false;
}

static bool is_interpreter(const char *command, const char *interpreter)
{
    const char *base = strrchr(interpreter, '/');
    return strcmp(command, interpreter) == 0 || (base && strcmp(command, base + 1) == 0);
}

/* `python3 [-u] FILE ...`, `python3 [-u] -m MODULE ...`, `python3 [-u] -c CODE ...`. */
static const char *command_refusal(const struct spec *s, const struct warm_template *t)
{
    size_t i = 1;
    if (!is_interpreter(s->command[0], t->interpreter))
        return "the command is not the interpreter that the profile preloads";
    while (i < s->command_count && strcmp(s->command[i], "-u") == 0)
        i++;
    if (i == s->command_count || strcmp(s->command[i], "-") == 0)
        return "the command names no program for Python";
    if (strcmp(s->command[i], "-c") == 0 || strcmp(s->command[i], "-m") == 0)
        return i + 1 < s->command_count ? NULL : "the command names no program for Python";
    return s->command[i][0] == '-' ? "the command has an option that Python reads when it starts" : NULL;
}

const char *warm_refusal(const struct spec *s, const struct profile *p, const struct warm_template *t)
{
    if (s->interactive.wanted)
        return "an interactive run is not started warm";
    if (s->resources.output_disk)
        return "the run's outputs are on disk";
    if (strcmp(p->name, t->profile) != 0 || p->preload_count == 0)
        return "the template is another profile's";
    if (strcmp(s->warm, t->owner) != 0)
        return "the template is another owner's";
    if (s->environment.path)
        return "the run has an environment of its own";
    if (p->exec != PROFILE_EXEC_ANY || p->device_set_count || p->network == PROFILE_NETWORK_PROXY)
        return "the profile has rules that warm starts do not know";
    if ((s->resources.cpus_milli + 999) / 1000 != t->threads)
        return "the template is for another number of CPUs";
    for (size_t i = 0; i < s->env_count; i++)
        if (is_early(s->env[i], p))
            return "the run sets a variable that Python or a preloaded package reads when it starts";
    return command_refusal(s, t);
}

/* ---- the request ---- */

static int write_parcel(const struct sandbox *s, struct warm_request *request, int *out, struct err *e)
{
    const struct profile_filter *f = s->spec->report_paths ? &s->profile->filter_paths : &s->profile->filter;
    struct warm_parcel parcel = {
        .magic = WARM_MAGIC,
        .filter_count = f->count,
        .argc = (uint32_t)s->spec->command_count,
        .job_uid = s->job_uid,
        .rootless = s->identity.rootless,
        .best_effort = s->spec->best_effort,
        .exec_memory = s->profile->exec_memory,
        .landlock = (int)s->profile->landlock,
        .network = (int)s->profile->network,
        .landlock_min_abi = s->profile->landlock_min_abi,
        .resources = s->spec->resources,
    };
    snprintf(parcel.profile, sizeof parcel.profile, "%s", s->profile->name);
    AUTO_BUF struct buf b = BUF_INIT((size_t)16 << 20);
    buf_add(&b, &parcel, sizeof parcel);
    buf_add(&b, f->code, f->count * sizeof *f->code);
    for (size_t i = 0; i < s->spec->command_count; i++)
        buf_add(&b, s->spec->command[i], strlen(s->spec->command[i]) + 1);
    for (char *const *env = s->env; *env; env++, parcel.envc++)
        buf_add(&b, *env, strlen(*env) + 1);
    if (b.failed)
        return err_set(e, E_LIMIT, "command", NULL, "command and environment are too long");
    parcel.size = request->size = (uint32_t)b.len;
    memcpy(b.data, &parcel, sizeof parcel);
    AUTO_FD int fd = memfd_create("enclos-warm", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (fd < 0 || fd_write_all(fd, b.data, b.len) < 0 ||
        fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0)
        return err_sys(e, "memfd", NULL, "cannot write what the job has to know");
    *out = fd_take(&fd);
    return 0;
}

int warm_request(const struct sandbox *s, int page_fd, int init_pidfd, int *handover, struct err *e)
{
    struct warm_request request = {.magic = WARM_MAGIC};
    AUTO_FD int parcel = -1, mine = -1, theirs = -1;
    int pair[2];
    if (write_parcel(s, &request, &parcel, e) < 0)
        return -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_sys(e, "socketpair", NULL, "cannot make the socket to the template");
    mine = pair[0];
    theirs = pair[1];
    if (fcntl(mine, F_SETFL, O_NONBLOCK) < 0)
        return err_sys(e, "socketpair", NULL, "cannot make the socket to the template");
    int fds[WARM_FD_COUNT + CG_COUNT] = {
        [WARM_FD_PARCEL] = parcel,      [WARM_FD_PAGE] = page_fd,         [WARM_FD_PROC] = s->proc_fd,
        [WARM_FD_STDOUT] = s->stdout_fd, [WARM_FD_STDERR] = s->stderr_fd, [WARM_FD_METRICS] = s->metrics_fd,
        [WARM_FD_HANDOVER] = theirs,    [WARM_FD_INIT] = init_pidfd,
    };
    size_t count = WARM_FD_COUNT;
    for (size_t i = 0; i < CG_COUNT; i++)
        if (s->join[i] >= 0)
            fds[count++] = s->join[i];
    /* It does not wait: a template that takes no request is none. */
    if (fd_send(s->warm->sock, &request, sizeof request, fds, count) < 0)
        return err_sys(e, "template", NULL, "the template takes no request");
    *handover = fd_take(&mine);
    return 0;
}
