/*
 * monitor_start.c - the first half of a monitor: what must exist before a sandbox, the sandbox itself, cold, warm
 * or made ahead, and its order. See monitor.c for the whole way; ends when the run has begun.
 */
#include "runner/monitor_state.h"

#include "api/common/fd.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "runner/confine.h"
#include "runner/environment.h"
#include "runner/learn.h"
#include "runner/uids.h"
#include "runner/warm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WARM_WAIT_MS = 5000, FIRST_WORD_MS = 100, READY_WAIT_MS = 5000, REHEARSAL_BYTES = 16 << 10 };

/* ---- prepare ---- */

int monitor_step_err(struct monitor *m, enum setup_step step, const struct err *e)
{
    return setup_fail_err(m->setup, step, e);
}

static int prepare_identity(struct monitor *m)
{
    struct err e = {0};
    const struct monitor_config *c = m->config;
    if (c->identity.rootless) {
        m->job_uid = getuid();
        return 0;
    }
    if (m->lease_fd < 0 && uids_lease(&m->job_uid, &m->lease_fd, &e) < 0)
        return monitor_step_err(m, STEP_UID_LEASE, &e);
    setup_done(m->setup, STEP_UID_LEASE);
    return 0;
}

static int prepare_cgroup(struct monitor *m, const char *name)
{
    struct err e = {0};
    if (m->cg.kind != CG_NONE || m->config->cgroups->kind == CG_NONE)
        return 0;
    if (cg_create(m->config->cgroups, name, &m->cg, &e) < 0)
        return monitor_step_err(m, STEP_CGROUP_CREATE, &e);
    setup_done(m->setup, STEP_CGROUP_CREATE);
    return 0;
}

static int set_limits(struct monitor *m)
{
    struct err e = {0};
    const struct spec_resources *r = &m->spec.resources;
    const struct cg_limits want = {r->memory_bytes, r->processes, r->cpus_milli};
    if (m->cg.kind == CG_NONE) {
        if (m->spec.best_effort)
            return 0; /* asked for by name, and told in the record */
        return monitor_step_err(m, STEP_CGROUP_CREATE, &m->config->cgroup_error);
    }
    if (cg_limit(&m->cg, &want, &e) < 0)
        return monitor_step_err(m, STEP_CGROUP_LIMITS, &e);
    setup_done(m->setup, STEP_CGROUP_LIMITS);
    return 0;
}

static int prepare_idmap(struct monitor *m)
{
    struct err e = {0};
    const struct monitor_config *c = m->config;
    if (c->identity.rootless || m->idmap_fd >= 0)
        return 0;
    if (idmap_open(c->identity.lab_uid, c->identity.lab_gid, m->job_uid, &m->idmap_fd, &e) < 0)
        return monitor_step_err(m, STEP_IDMAP, &e);
    setup_done(m->setup, STEP_IDMAP);
    return 0;
}

static int prepare_proc(struct monitor *m)
{
    if (m->proc_fd < 0)
        m->proc_fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (m->proc_fd < 0)
        return setup_fail(m->setup, STEP_PIPES, errno, NULL, "cannot open /proc");
    return 0;
}

static void decide_warmth(struct monitor *m)
{
    const struct monitor_config *c = m->config;
    if (!m->spec.warm)
        return;
    m->warm_why = c->warm ? warm_refusal(&m->spec, m->profile, c->warm)
                  : c->warm_why ? c->warm_why
                                : "no launcher keeps templates for this run";
    m->warm = m->warm_why ? NULL : c->warm;
}

static int read_spec(struct monitor *m)
{
    struct err e = {0};
    const struct monitor_config *c = m->config;
    struct arena *arena = m->ahead ? arena_new_in(m->order->arena, sizeof m->order->arena) : NULL;
    identity_lab(&m->config->identity);
    int failed = spec_read(m->run_fd, arena, &m->spec, &e);
    identity_own(&m->config->identity);
    if (failed)
        return monitor_step_err(m, STEP_SPEC, &e);
    m->has_spec = true;
    if (c->before)
        *c->before = m->spec.resources;
    setup_done(m->setup, STEP_SPEC);
    char with_terminal[sizeof m->spec.profile + sizeof "+terminal"];
    const char *wanted = m->spec.profile;
    if (m->spec.interactive.wanted && strcmp(wanted, "terminal") != 0) {
        snprintf(with_terminal, sizeof with_terminal, "%s+terminal", m->spec.profile);
        wanted = with_terminal;
    }
    if (c->profile && strcmp(c->profile->name, wanted) == 0 && !m->spec.learn.wanted) {
        m->profile = c->profile;
    } else {
        if (profile_load(c->profiles_dir, wanted, c->cache_dir_fd, &m->own_profile, &e) < 0)
            return monitor_step_err(m, STEP_PROFILE, &e);
        m->profile = m->own_profile;
    }
    if (m->spec.learn.wanted &&
        learn_open(c->profiles_dir, c->cache_dir_fd, m->own_profile, &m->spec, &m->refusals.learn, &e) < 0)
        return monitor_step_err(m, STEP_PROFILE, &e);
    if (m->profile->exec == PROFILE_EXEC_ONCE)
        m->refusals.exec_announced = &m->setup->exec_tries;
    if (m->profile->network == PROFILE_NETWORK_PROXY && m->spec.dataset_count > 0) { /* the lab refuses it too */
        err_set(&e, E_DENIED, "datasets", "use a profile without a network", "a run that reaches other machines may have no dataset");
        return monitor_step_err(m, STEP_PROFILE, &e);
    }
    setup_done(m->setup, STEP_PROFILE);
    return 0;
}

static bool has_ended(int pidfd)
{
    struct pollfd p = {pidfd, POLLIN, 0};
    return pidfd < 0 || poll(&p, 1, 0) != 0;
}

/* Another profile than was guessed, or something that only a sandbox made for it has: the one that is ready
 * goes, and what it failed at, if it did, with it. */
void monitor_drop_sandbox(struct monitor *m)
{
    syscall(SYS_pidfd_send_signal, m->fds[SRC_INIT], SIGKILL, NULL, 0);
    while (waitpid(m->init_pid, NULL, 0) < 0 && errno == EINTR)
        ;
    for (enum source src = SRC_STDOUT; src <= SRC_INIT; src++)
        fd_close_at(&m->fds[src]);
    fd_close_at(&m->epoll_fd);
    fd_close_at(&m->job_pidfd);
    memset(m->setup, 0, sizeof *m->setup);
    m->init_pid = 0;
    m->ahead = false;
}

int monitor_prepare(struct monitor *m)
{
    int failed = read_spec(m);
    if (m->ahead && (failed || m->profile != m->config->profile || !spec_is_plain(&m->spec) || m->setup->failed ||
                     has_ended(m->fds[SRC_INIT]) || has_ended(m->job_pidfd))) {
        struct setup kept = *m->setup;
        monitor_drop_sandbox(m);
        if (failed) /* what is told in the record */
            *m->setup = kept;
    }
    if (failed || prepare_identity(m) < 0 || prepare_cgroup(m, m->spec.run) < 0 || (!m->ahead && set_limits(m) < 0))
        return -1;
    if ((m->spec.code_path || m->spec.dataset_count || m->spec.environment.path) && prepare_idmap(m) < 0)
        return -1;
    struct err e = {0};
    if (m->spec.resources.output_disk && outputs_disk_open(m->run_fd, &m->spec.resources, m->config->identity.rootless,
                                                           m->job_uid, &m->outputs_mount, &e) < 0)
        return monitor_step_err(m, STEP_MOUNT_OUTPUTS, &e);
    decide_warmth(m);
    return prepare_proc(m);
}

/* ---- start ---- */

int monitor_watch_fd(struct monitor *m, enum source src, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.u32 = (uint32_t)src};
    return m->fds[src] < 0 ? 0 : epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, m->fds[src], &ev);
}

/* Directory notification by signal (fcntl F_NOTIFY), not inotify: closing an inotify descriptor waits for
 * a grace period of the kernel, 27 ms here, which was most of the life of a short run. Without it
 * (CONFIG_DNOTIFY) the file is found by the look of each second. */
static int watch_folder(struct monitor *m)
{
    m->fds[SRC_CANCEL] = openat(m->run_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (m->fds[SRC_CANCEL] < 0)
        return -1;
    if (fcntl(m->fds[SRC_CANCEL], F_NOTIFY, DN_CREATE | DN_RENAME | DN_MULTISHOT) < 0 && errno != EINVAL)
        return -1;
    return 0;
}

void monitor_kill(struct monitor *m)
{
    if (m->killed || m->fds[SRC_INIT] < 0)
        return;
    m->killed = true;
    /* Either empties the PID namespace: the group at once, or its init, after which the kernel kills
     * the rest. The second also ends an init that is not in the group yet. */
    cg_kill(&m->cg);
    syscall(SYS_pidfd_send_signal, m->fds[SRC_INIT], SIGKILL, NULL, 0);
}

void monitor_close(struct monitor *m, enum source src)
{
    fd_close_at(&m->fds[src]); /* epoll forgets it by itself: no copy of the descriptor exists */
}

/* ---- a warm start, see warm.h ---- */

/* No template has the run, and none will: init forks the job itself. */
void monitor_start_cold(struct monitor *m, const char *why)
{
    m->warm_why = why;
    m->setup->job_pid = WARM_JOB_COLD;
    warm_wake(&m->setup->job_pid);
}

/* False: a template has taken the run. */
bool monitor_withdraw(struct monitor *m)
{
    uint32_t claim = WARM_OPEN;
    m->warm_until_us = 0;
    return __atomic_compare_exchange_n(&m->setup->warm_claim, &claim, WARM_WITHDRAWN, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
}

/* The template's hand-over has ended: the job begins, or the template has failed. */
void monitor_warm_settled(struct monitor *m)
{
    monitor_close(m, SRC_WARM);
    if (monitor_withdraw(m)) {
        monitor_start_cold(m, "the template ended before it took the run");
    } else if (m->setup->job_pid == 0) {
        setup_fail(m->setup, STEP_CLONE_JOB, ECHILD, "submit it again", "the template ended while it started the run");
        monitor_kill(m);
    }
}

static pid_t clone_warm(struct monitor *m, struct sandbox *s, struct mounts_lent *lent, struct err *e)
{
    AUTO_FD int procs = -1;
    memset(lent, 0xff, sizeof *lent); /* every descriptor -1 */
    s->warm = m->warm;
    s->netns_fd = -1; /* a ready one is owned by the wrong user namespace */
    s->own_uid = s->own_gid = 0; /* rootless: in the template's user namespace */
    for (size_t i = 0; i < CG_COUNT; i++)
        s->join[i] = m->cg.kind == CG_V1 ? m->cg.tasks[i] : -1;
    if (m->cg.kind == CG_V2) {
        procs = s->join[0] = openat(m->cg.dir[CG_MEMORY], "cgroup.procs", O_WRONLY | O_CLOEXEC);
        if (procs < 0)
            return err_sys(e, "cgroup", NULL, "cannot open the processes of the run's control group");
    }
    if (!s->identity.rootless) {
        if (mounts_lend(s, lent) < 0) {
            mounts_lent_close(lent);
            return err_set(e, E_INTERNAL, NULL, NULL, "%s", m->setup->failed_message);
        }
        s->lent = lent;
    }
    pid_t pid = warm_clone(s, &m->fds[SRC_INIT], e);
    mounts_lent_close(lent);
    if (pid < 0)
        return -1;
    struct err why = {0};
    if (warm_request(s, m->page_fd, m->fds[SRC_INIT], &m->fds[SRC_WARM], &why) < 0) {
        (void)monitor_withdraw(m);
        monitor_start_cold(m, "the template took no request");
    } else {
        m->warm_until_us = time_mono_us() + WARM_WAIT_MS * 1000;
    }
    return pid;
}

/* The pipes of the run, ours in m->fds, its in *s. */
static int make_pipes(struct monitor *m, struct sandbox *s)
{
    int out[2] = {-1, -1}, err[2] = {-1, -1}, met[2] = {-1, -1}, hand[2] = {-1, -1};
    m->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    bool made = m->epoll_fd >= 0 && m->fds[SRC_SIGNAL] >= 0 && pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0 &&
                pipe2(met, O_CLOEXEC) == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, hand) == 0 &&
                fcntl(hand[0], F_SETFL, O_NONBLOCK) == 0;
    int failed = errno;
    m->fds[SRC_STDOUT] = out[0];
    m->fds[SRC_STDERR] = err[0];
    m->fds[SRC_METRICS] = met[0];
    m->fds[SRC_HANDOVER] = hand[0];
    s->stdout_fd = out[1];
    s->stderr_fd = err[1];
    s->metrics_fd = met[1];
    s->handover = hand[1];
    s->handover_peer = hand[0];
    if (!made)
        return setup_fail(m->setup, STEP_PIPES, failed, NULL, "cannot make the run's pipes");
    /* The program may open its own /dev/stdout again: then the pipe must be its own. */
    if (!m->config->identity.rootless && (fchown(out[1], m->job_uid, m->job_uid) < 0 || fchown(err[1], m->job_uid, m->job_uid) < 0 ||
                                 fchown(met[1], m->job_uid, m->job_uid) < 0))
        return setup_fail(m->setup, STEP_PIPES, errno, NULL, "cannot give the run its pipes");
    setup_done(m->setup, STEP_PIPES);
    return 0;
}

static struct sandbox describe(struct monitor *m)
{
    return (struct sandbox){
        .spec = m->ahead ? &m->order->spec : &m->spec,
        .profile = m->profile,
        .cg = &m->cg,
        .setup = m->setup,
        .order = m->ahead ? m->order : NULL,
        .identity = m->config->identity,
        .job_uid = m->config->identity.rootless ? 0 : m->job_uid,
        .init_uid = UIDS_INIT,
        .own_uid = geteuid(),
        .own_gid = getegid(),
        .proc_fd = m->proc_fd,
        .outputs_mount = m->outputs_mount,
        .idmap_fd = m->idmap_fd,
        /* Lent for a run of that profile, which makes no sockets but Unix ones: it comes back to the launcher. */
        .netns_fd = m->profile == m->config->profile ? m->config->netns_fd : -1,
        .stdout_fd = -1,
        .stderr_fd = -1,
        .metrics_fd = -1,
        .terminal_fd = -1,
        .handover = -1,
        .handover_peer = -1,
        .python_path = m->config->python_path,
        .ready_root = m->config->ready_root,
    };
}

static int clone_sandbox(struct monitor *m, struct sandbox *s)
{
    struct mounts_lent lent;
    struct err e = {0};
    m->init_pid = m->warm ? clone_warm(m, s, &lent, &e) : sandbox_clone(s, &m->fds[SRC_INIT], &e);
    if (m->config->warm) { /* nothing more will be asked */
        close(m->config->warm->sock);
        close(m->config->warm->userns_fd);
    }
    fd_close_at(&m->page_fd);
    if (m->init_pid < 0)
        return monitor_step_err(m, STEP_CLONE_INIT, &e);
    setup_done(m->setup, STEP_CLONE_INIT);
    m->fds[SRC_OOM] = m->cg.oom_event;
    if (monitor_watch_fd(m, SRC_STDOUT, EPOLLIN) < 0 || monitor_watch_fd(m, SRC_STDERR, EPOLLIN) < 0 ||
        monitor_watch_fd(m, SRC_METRICS, EPOLLIN) < 0 || monitor_watch_fd(m, SRC_HANDOVER, EPOLLIN) < 0 ||
        monitor_watch_fd(m, SRC_INIT, EPOLLIN) < 0 ||
        monitor_watch_fd(m, SRC_SIGNAL, EPOLLIN) < 0 || monitor_watch_fd(m, SRC_ATTACH, EPOLLIN) < 0 || monitor_watch_fd(m, SRC_WARM, EPOLLIN) < 0 ||
        monitor_watch_fd(m, SRC_OOM, m->cg.kind == CG_V2 ? EPOLLPRI : EPOLLIN) < 0)
        return setup_fail(m->setup, STEP_CLONE_INIT, errno, NULL, "cannot watch the run");
    return 0;
}

/* Ours must go at once: the end of file on the hand-over socket means "executed". */
static void close_job_ends(struct sandbox *s)
{
    fd_close_at(&s->stdout_fd);
    fd_close_at(&s->stderr_fd);
    fd_close_at(&s->metrics_fd);
    fd_close_at(&s->handover);
}

static int open_attach(struct monitor *m)
{
    struct err e = {0};
    /* `exec` has no lab behind it: nobody would serve a proxy's socket, so it is closed when it comes. */
    if (!attach_is_wanted(&m->spec) && (m->profile->network != PROFILE_NETWORK_PROXY || m->config->echo))
        return 0;
    if (attach_open(&m->attach, m->run_fd, &m->config->identity, &m->journal, &e) < 0)
        return monitor_step_err(m, STEP_ATTACH, &e);
    m->fds[SRC_ATTACH] = m->attach.epoll_fd;
    setup_done(m->setup, STEP_ATTACH);
    return 0;
}

static int start(struct monitor *m)
{
    struct sandbox s = describe(m);
    s.env = environment_build(&m->spec, m->profile, m->config->python_path != NULL, m->spec.arena);
    int failed = make_pipes(m, &s) < 0 || open_attach(m) < 0 || clone_sandbox(m, &s) < 0;
    close_job_ends(&s);
    return failed ? -1 : 0;
}

/* Tells a sandbox that was made ahead what its run is: the spec in shared memory, what it is lent as
 * descriptors. */
static int give_order(struct monitor *m)
{
    struct mounts_lent lent;
    int fds[FD_PASS_MAX];
    size_t count = 0;
    char kind = HANDOVER_ORDER;
    struct sandbox s = describe(m);
    m->order->spec = m->spec;
    m->order->env = environment_build(&m->spec, m->profile, m->config->python_path != NULL, m->spec.arena);
    int failed = mounts_lend(&s, &lent);
    if (!failed && m->spec.code_path)
        fds[count++] = lent.code;
    for (size_t i = 0; !failed && i < m->spec.dataset_count; i++)
        fds[count++] = lent.datasets[i];
    if (!failed && fd_send(m->fds[SRC_HANDOVER], &kind, 1, fds, count) != 1)
        failed = setup_fail(m->setup, STEP_CLONE_INIT, errno, NULL, "the sandbox that was ready has died");
    mounts_lent_close(&lent);
    return failed;
}

static int open_log(struct monitor *m)
{
    struct err e = {0};
    identity_lab(&m->config->identity);
    int failed = journal_open(&m->journal, m->run_fd, m->spec.resources.log_bytes, m->config->echo, &e);
    identity_own(&m->config->identity);
    if (failed)
        return monitor_step_err(m, STEP_PIPES, &e);
    if (watch_folder(m) < 0)
        return setup_fail(m->setup, STEP_PIPES, errno, NULL, "cannot watch the run folder");
    return 0;
}

/* The order goes first: init lays out the run's mounts while its limits are written. The job waits for both. */
static int begin_ahead(struct monitor *m)
{
    if (give_order(m) < 0 || set_limits(m) < 0 || open_log(m) < 0)
        return -1;
    __atomic_or_fetch(&m->setup->job_go, SETUP_GO_MONITOR, __ATOMIC_SEQ_CST);
    warm_wake(&m->setup->job_go);
    /* Giving up rights takes as long as the job needs to get to its filter, and both were woken on one processor:
     * it goes first. Nothing that it says has been read yet. */
    struct pollfd p = {m->epoll_fd, POLLIN, 0};
    poll(&p, 1, FIRST_WORD_MS);
    return 0;
}

/* From here on nothing is made any more: the monitor gives up what only that needed. */
int monitor_begin(struct monitor *m)
{
    struct err e = {0};
    if (m->ahead ? begin_ahead(m) < 0 : open_log(m) < 0 || start(m) < 0)
        return -1;
    if (confine_monitor(&e) < 0)
        return monitor_step_err(m, STEP_CLONE_INIT, &e);
    return 0;
}

/* Ready is when its job waits too: then all that could fail before there is a run has not. */
static int await_job(struct monitor *m)
{
    char kind = 0;
    size_t count = 1;
    struct pollfd p = {m->fds[SRC_HANDOVER], POLLIN, 0};
    poll(&p, 1, READY_WAIT_MS);
    if (fd_recv(m->fds[SRC_HANDOVER], &kind, 1, &m->job_pidfd, &count) == 1 && kind == HANDOVER_JOB && count == 1)
        return 0;
    return setup_fail(m->setup, STEP_CLONE_JOB, ETIMEDOUT, NULL, "the sandbox did not get ready");
}

int monitor_make_ahead(struct monitor *m)
{
    char group[32];
    m->profile = m->config->profile;
    snprintf(group, sizeof group, MONITOR_READY_PREFIX "%d", getpid());
    if (prepare_identity(m) < 0 || prepare_cgroup(m, group) < 0 || prepare_idmap(m) < 0 || prepare_proc(m) < 0)
        return -1;
    /* A guess: init gives it the sizes of its run, and reads them back, whatever it is. */
    if (m->config->before)
        m->order->spec.resources = *m->config->before;
    struct sandbox s = describe(m);
    int failed = make_pipes(m, &s) < 0 || clone_sandbox(m, &s) < 0;
    close_job_ends(&s);
    failed = failed || await_job(m) < 0;
    if (!failed) {
        spec_rehearse(arena_new_in(m->order->arena, REHEARSAL_BYTES));
        memset(m->order->arena, 0, REHEARSAL_BYTES); /* an arena's memory is zero */
    }
    return failed ? -1 : 0;
}
