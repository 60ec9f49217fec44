/*
 * monitor.c - one run from its folder to its record. See monitor.h.
 *
 *   claim -> prepare (spec, profile, uid, cgroup, pipes) -> clone -> watch ........ -> settle -> record
 *                  |                                  |        | limits, log, refusals
 *                  +---- a step fails ----------------+--------+--> record: setup_failed
 *
 * Or ahead of its run, while nobody waits: uid, cgroup, pipes and sandbox are made first (monitor_ready), and
 * claim, spec and limits come with the order (monitor_serve), which init has been waiting for.
 *
 * One thread, one epoll. Files of the run folder are written with the lab's fsuid, so that a lab
 * that was taken over cannot make root write where the lab itself may not.
 */
#include "runner/monitor_state.h"

#include "api/common/fd.h"
#include "api/common/log.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "runner/judge.h"
#include "runner/learn.h"
#include "runner/procs.h"
#include "runner/record.h"
#include "runner/warm.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { OOM_LOOK_MS = 1000, OOM_POLL_MS = 10, SAMPLE_MS = 1000, BEST_EFFORT_POLL_MS = 20, CPU_POLL_MIN_MS = 5, IDLE_CPU_PERCENT = 1, READ_BYTES = 64 << 10,
       SPARE_END_MS = 1000, RECORD_TRIES = 3600, RECORD_PAUSE_MS = 1000 };

int monitor_claim(const struct monitor_config *c, int run_fd, int *lock_fd, struct err *e)
{
    char text[16];
    identity_lab(&c->identity);
    AUTO_FD int fd = openat(run_fd, RUNFOLDER_LOCK, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    identity_own(&c->identity);
    if (fd < 0 && errno == EEXIST)
        return err_set(e, E_CONFLICT, "run", "a run folder serves once; make another one",
                       "this run folder has been started already (it has a %s)", RUNFOLDER_LOCK);
    if (fd < 0)
        return err_sys(e, "run", "the folder must be writable by its owner", "cannot create %s", RUNFOLDER_LOCK);
    int n = snprintf(text, sizeof text, "%d\n", getpid());
    /* Waits: whoever looks whether we live holds the file for an instant. */
    if (flock(fd, LOCK_EX) < 0 || fd_write_all(fd, text, (size_t)n) < 0) {
        err_sys(e, "run", "free some room on the lab's disk", "cannot write %s", RUNFOLDER_LOCK);
        identity_lab(&c->identity);
        unlinkat(run_fd, RUNFOLDER_LOCK, 0); /* nothing has begun: the folder may serve again */
        identity_own(&c->identity);
        return -1;
    }
    *lock_fd = fd_take(&fd);
    return 0;
}

/* ---- stopping ---- */

static void stop_run(struct monitor *m, enum verdict why, bool at_once, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* TERM to the program, then, after its grace, KILL to everything. The first reason stays. */
static void stop_run(struct monitor *m, enum verdict why, bool at_once, const char *fmt, ...)
{
    char event[96];
    if (m->stop == VERDICT_NONE) {
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(m->stop_reason, sizeof m->stop_reason, fmt, ap);
        va_end(ap);
        m->stop = why;
        snprintf(event, sizeof event, "{\"event\":\"stopping\",\"reason\":\"%s\"}", verdict_name(why));
        journal_event(&m->journal, event);
        m->kill_at_us = time_mono_us() + m->spec.resources.grace_ms * 1000;
    }
    if (at_once || !m->running || m->job_pidfd < 0)
        monitor_kill(m);
    else if (!m->killed) {
        syscall(SYS_pidfd_send_signal, m->job_pidfd, SIGTERM, NULL, 0);
        if (m->spec.interactive.terminal) /* a shell at a terminal ignores the first, and tells its jobs of this one */
            syscall(SYS_pidfd_send_signal, m->job_pidfd, SIGHUP, NULL, 0);
    }
}

static void check_cancel(struct monitor *m)
{
    struct stat st;
    identity_lab(&m->config->identity);
    bool there = fstatat(m->run_fd, RUNFOLDER_CANCEL, &st, AT_SYMLINK_NOFOLLOW) == 0;
    identity_own(&m->config->identity);
    if (there)
        stop_run(m, VERDICT_CANCELLED, false, "cancelled on request");
}

/* ---- usage and limits ---- */

static void usage_now(struct monitor *m, struct cg_usage *u)
{
    if (m->cg.kind != CG_NONE) {
        cg_usage(&m->cg, u);
        return;
    }
    if (m->init_pid <= 0 || m->init_gone) {
        *u = m->last;
        return;
    }
    int64_t memory_peak = m->last.memory_peak_bytes, processes_peak = m->last.processes_peak;
    int64_t cpu = m->last.cpu_us;
    procs_usage(m->init_pid, u);
    u->memory_peak_bytes = u->memory_bytes > memory_peak ? u->memory_bytes : memory_peak;
    u->processes_peak = u->processes > processes_peak ? u->processes : processes_peak;
    if (u->cpu_us < cpu)
        u->cpu_us = cpu;
    m->last = *u;
}

/* The program's time starts when it is executed; a set-up that hangs ends by the same limit. */
static int64_t wall_deadline_us(const struct monitor *m)
{
    return (m->running ? m->exec_us : m->mono_started_us) + m->spec.resources.wall_ms * 1000;
}

static bool is_over_memory(struct monitor *m, struct cg_usage *u)
{
    usage_now(m, u);
    return u->memory_bytes > m->spec.resources.memory_bytes;
}

static void check_limits(struct monitor *m, int64_t now)
{
    const struct spec_resources *r = &m->spec.resources;
    struct cg_usage u;
    if (m->stop != VERDICT_NONE) {
        if (now >= m->kill_at_us || (m->cg.kind == CG_NONE && is_over_memory(m, &u)))
            monitor_kill(m);
        return;
    }
    if (now >= wall_deadline_us(m)) {
        stop_run(m, VERDICT_WALL_TIMEOUT, false, "still running after its time limit of %" PRId64 " ms", r->wall_ms);
        return;
    }
    if (m->warm_until_us && now >= m->warm_until_us && monitor_withdraw(m)) {
        monitor_close(m, SRC_WARM);
        monitor_start_cold(m, "the template was busy");
    }
    if (now < m->poll_at_us)
        return;
    bool best_effort = m->cg.kind == CG_NONE;
    int64_t cpu_us = -1, next_ms = SAMPLE_MS;
    if (best_effort) {
        bool over = is_over_memory(m, &u);
        cpu_us = u.cpu_us;
        next_ms = BEST_EFFORT_POLL_MS;
        if (over) {
            stop_run(m, VERDICT_OUT_OF_MEMORY, true, "used %" PRId64 " bytes of memory of %" PRId64 " allowed",
                     u.memory_bytes, r->memory_bytes);
            return;
        }
    } else if (r->cpu_ms) {
        cpu_us = cg_cpu_us(&m->cg);
    }
    if (r->cpu_ms && cpu_us >= 0) {
        int64_t left_us = r->cpu_ms * 1000 - cpu_us;
        if (left_us <= 0) {
            stop_run(m, VERDICT_CPU_TIMEOUT, false, "used its limit of %" PRId64 " ms of CPU time", r->cpu_ms);
            return;
        }
        /* It cannot be used up before that, at full speed on all its CPUs. */
        int64_t soonest_ms = left_us / r->cpus_milli;
        if (soonest_ms < next_ms)
            next_ms = soonest_ms < CPU_POLL_MIN_MS ? CPU_POLL_MIN_MS : soonest_ms;
    }
    m->poll_at_us = now + next_ms * 1000;
}

static void check_oom(struct monitor *m)
{
    struct cg_usage u;
    cg_take_event(&m->cg);
    cg_usage(&m->cg, &u);
    if (u.oom_kills > 0) /* v1 kills one process only: the rest of the run goes with it */
        stop_run(m, VERDICT_OUT_OF_MEMORY, true, "needed more than its limit of %" PRId64 " bytes of memory",
                 m->spec.resources.memory_bytes);
}

/* v1 tells of an OOM before it has chosen a victim: the counter follows a moment later. */
static void oom_told(struct monitor *m)
{
    m->oom_until_us = time_mono_us() + OOM_LOOK_MS * 1000;
    check_oom(m);
}

/* Someone types, something is shown or connected to, or it computes: then it is in use. */
static void check_idle(struct monitor *m, const struct cg_usage *u, int64_t now)
{
    int64_t spent_us = u->cpu_us - m->idle_cpu_us, passed_us = now - m->sample_at_us + SAMPLE_MS * 1000;
    m->idle_cpu_us = u->cpu_us;
    if (spent_us * 100 > passed_us * IDLE_CPU_PERCENT)
        m->attach.used_us = now;
    else if (passed_us > 2 * SAMPLE_MS * 1000) /* a machine that stood still is no run that was idle */
        m->attach.used_us += passed_us - SAMPLE_MS * 1000;
    int64_t limit_ms = m->spec.interactive.idle_ms;
    bool minutes = limit_ms % 60000 == 0;
    if (limit_ms > 0 && m->stop == VERDICT_NONE && now - m->attach.used_us >= limit_ms * 1000)
        stop_run(m, VERDICT_CANCELLED, false, "idle for its limit of %" PRId64 " %s: nothing typed, shown, connected or "
                 "computed", minutes ? limit_ms / 60000 : (limit_ms + 999) / 1000, minutes ? "min" : "s");
}

static void sample(struct monitor *m, int64_t now)
{
    struct cg_usage u;
    char event[200];
    if (!m->running || now < m->sample_at_us)
        return;
    check_cancel(m);
    attach_tick(&m->attach);
    usage_now(m, &u);
    check_idle(m, &u, now);
    snprintf(event, sizeof event,
             "{\"event\":\"sample\",\"cpu_ms\":%" PRId64 ",\"memory_bytes\":%" PRId64 ",\"processes\":%" PRId64
             ",\"elapsed_ms\":%" PRId64 "}",
             u.cpu_us / 1000, u.memory_bytes, u.processes, (now - m->exec_us) / 1000);
    journal_event(&m->journal, event);
    m->sample_at_us = now + SAMPLE_MS * 1000;
}

static int next_wait_ms(const struct monitor *m, int64_t now)
{
    int64_t at = m->stop != VERDICT_NONE ? (m->killed ? now + 1000000 : m->kill_at_us)
                                         : wall_deadline_us(m);
    if (m->running && m->sample_at_us < at)
        at = m->sample_at_us;
    if (m->warm_until_us && m->warm_until_us < at)
        at = m->warm_until_us;
    if (m->stop == VERDICT_NONE && m->poll_at_us < at)
        at = m->poll_at_us;
    if (m->stop != VERDICT_NONE && m->cg.kind == CG_NONE && at > now + BEST_EFFORT_POLL_MS * 1000)
        at = now + BEST_EFFORT_POLL_MS * 1000;
    int64_t ms = (at - now + 999) / 1000;
    if (now < m->oom_until_us && m->stop == VERDICT_NONE && ms > OOM_POLL_MS)
        ms = OOM_POLL_MS;
    return ms < 0 ? 0 : ms > 60000 ? 60000 : (int)ms;
}

/* ---- what comes in ---- */

/* One read of a pipe. False: nothing more for now, or for ever. */
static bool read_pipe(struct monitor *m, enum source src)
{
    static char block[READ_BYTES];
    ssize_t n = m->fds[src] < 0 ? 0 : read(m->fds[src], block, sizeof block);
    if (n < 0)
        return false;
    if (n == 0) {
        monitor_close(m, src);
        return false;
    }
    if (src == SRC_METRICS)
        journal_metrics(&m->journal, block, (size_t)n);
    else
        journal_output(&m->journal, src == SRC_STDOUT ? RUNLOG_STDOUT : RUNLOG_STDERR, block, (size_t)n);
    return true;
}

static void job_is_running(struct monitor *m)
{
    char event[64];
    if (m->setup->failed || !m->has_filter)
        return; /* the socket closed because set-up ended */
    m->running = true;
    m->exec_us = m->attach.used_us = time_mono_us();
    m->sample_at_us = m->exec_us + SAMPLE_MS * 1000;
    snprintf(event, sizeof event, "{\"event\":\"running\",\"pid\":%d}", m->init_pid);
    journal_event(&m->journal, event);
}

/* Init is only reaped when its namespaces are gone, and unmounting some twenty mounts is a tenth of a
 * short run: held here, they go after the record. Not held, nothing is lost but that time. */
static void hold_mounts(struct monitor *m)
{
    char path[32];
    snprintf(path, sizeof path, "%d/ns/mnt", m->init_pid);
    m->mounts_fd = openat(m->proc_fd, path, O_RDONLY | O_CLOEXEC);
}

/* One message, see sandbox.h. False: none was there. */
static bool handover(struct monitor *m, enum source src)
{
    char kind = 0;
    int fd = -1;
    size_t fd_count = 1;
    ssize_t n = fd_recv(m->fds[src], &kind, 1, &fd, &fd_count);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (n <= 0) {
        if (src == SRC_WARM)
            monitor_warm_settled(m);
        monitor_close(m, src);
        if (m->fds[SRC_HANDOVER] < 0 && m->fds[SRC_WARM] < 0)
            job_is_running(m);
        return true;
    }
    AUTO_FD int got = fd_count == 1 ? fd : -1;
    if (kind == HANDOVER_OUTPUTS && m->outputs_fd < 0) {
        m->outputs_fd = fd_take(&got);
        hold_mounts(m);
    } else if (kind == HANDOVER_JOB && m->job_pidfd < 0) {
        m->job_pidfd = fd_take(&got);
    } else if (kind == HANDOVER_LISTENER && m->fds[SRC_LISTENER] < 0) {
        m->fds[SRC_LISTENER] = fd_take(&got);
        m->has_filter = true;
        if (monitor_watch_fd(m, SRC_LISTENER, EPOLLIN) < 0) {
            setup_fail(m->setup, STEP_HANDOVER, errno, NULL, "cannot take over the filter's listener");
            monitor_kill(m);
        }
    } else if (got >= 0 && attach_take(&m->attach, kind, got)) {
        fd_take(&got);
    }
    return true;
}

static void refused_call(struct monitor *m, uint32_t events)
{
    if (events & EPOLLIN) {
        if (refusals_answer(&m->refusals, m->fds[SRC_LISTENER], m->profile, &m->spec))
            stop_run(m, VERDICT_POLICY_VIOLATION, true, "made a flood of refused system calls (more than %d)",
                     REFUSALS_BURST);
    } else if (events & (EPOLLHUP | EPOLLERR)) {
        monitor_close(m, SRC_LISTENER); /* no task uses the filter any more */
    }
}

static void read_signal(struct monitor *m)
{
    struct signalfd_siginfo info;
    if (read(m->fds[SRC_SIGNAL], &info, sizeof info) != sizeof info)
        return;
    if (info.ssi_signo == SIGIO)
        check_cancel(m);
    else
        stop_run(m, VERDICT_CANCELLED, false, "cancelled by signal %u", info.ssi_signo);
}

static void watch(struct monitor *m)
{
    check_cancel(m); /* asked for before we watched */
    while (!m->init_gone) {
        struct epoll_event events[16];
        int64_t now = time_mono_us();
        int n = epoll_wait(m->epoll_fd, events, 16, next_wait_ms(m, now));
        for (int i = 0; i < n; i++) {
            enum source src = (enum source)events[i].data.u32;
            if (m->fds[src] < 0)
                continue;
            switch (src) {
            case SRC_STDOUT:
            case SRC_STDERR:
            case SRC_METRICS: read_pipe(m, src); break;
            case SRC_HANDOVER: handover(m, SRC_HANDOVER); break;
            case SRC_LISTENER: refused_call(m, events[i].events); break;
            case SRC_CANCEL: break; /* speaks by SIGIO */
            case SRC_OOM: oom_told(m); break;
            case SRC_SIGNAL: read_signal(m); break;
            case SRC_WARM: handover(m, SRC_WARM); break;
            case SRC_ATTACH: attach_step(&m->attach); break;
            case SRC_INIT: m->init_gone = true; break;
            case SRC_COUNT: break;
            }
        }
        now = time_mono_us();
        if (now < m->oom_until_us && m->stop == VERDICT_NONE)
            check_oom(m);
        check_limits(m, now);
        sample(m, now);
    }
}

/* Init is reaped only when its whole namespace is dead: what is in the pipes is all there will be. */
static void settle(struct monitor *m, int *init_status)
{
    while (waitpid(m->init_pid, init_status, 0) < 0 && errno == EINTR)
        ;
    m->ended_us = time_mono_us();
    while (m->fds[SRC_HANDOVER] >= 0 && handover(m, SRC_HANDOVER))
        ; /* a short program may have ended before we read that it began */
    /* The template's spare may be the last to hold it, on its way to its end. */
    for (int waited = 0; m->fds[SRC_WARM] >= 0;) {
        struct pollfd p = {m->fds[SRC_WARM], POLLIN, 0};
        if (!handover(m, SRC_WARM) && (waited++ == SPARE_END_MS / 10 || poll(&p, 1, 10) < 0)) {
            monitor_close(m, SRC_WARM);
            if (m->setup->warm_how != WARM_HOW_NONE)
                job_is_running(m);
        }
    }
    for (enum source src = SRC_STDOUT; src <= SRC_METRICS; src++) {
        if (m->fds[src] >= 0)
            fcntl(m->fds[src], F_SETFL, O_NONBLOCK);
        while (read_pipe(m, src))
            ;
    }
    attach_drain(&m->attach);
}

/* ---- the end ---- */

/* A verdict is worth waiting for: on a full disk the record is tried again for an hour. */
static int write_record(struct monitor *m, const struct record *r, struct err *e)
{
    for (int i = 0;; i++) {
        *e = (struct err){0};
        identity_lab(&m->config->identity);
        int failed = record_write(r, m->run_fd, e);
        identity_own(&m->config->identity);
        if (!failed || e->kind != E_LIMIT || !e->os_errno || i == RECORD_TRIES)
            return failed;
        if (i == 0)
            log_error("monitor.record_waits", LOG_STR("run", r->run), LOG_ERR(e));
        nanosleep(&(struct timespec){RECORD_PAUSE_MS / 1000, 0}, NULL);
    }
}

static int finish(struct monitor *m, int init_status, enum verdict *verdict, int *exit_code, struct err *e)
{
    setup_end_texts(m->setup);
    struct record r = {
        .run = m->has_spec ? m->spec.run : "",
        .setup = m->setup,
        .journal = &m->journal,
        .collected = &m->collected,
        .refusals = &m->refusals,
        .spec = m->has_spec ? &m->spec : NULL,
        .profile = m->profile,
        .cg = &m->cg,
        .cgroup_kind = cg_kind_name(m->config->cgroups),
        .rootless = m->config->identity.rootless,
        .made_ahead = m->ahead,
        .host_uid = m->job_uid,
        .started_us = m->started_us,
        .setup_started_ns = m->mono_started_us * 1000,
        .warm = m->warm,
        .warm_why = m->warm_why,
    };
    int64_t ended = m->ended_us ? m->ended_us : time_mono_us();
    r.wall_us = ended - (m->running ? m->exec_us : m->mono_started_us);
    if (m->running)
        r.started_us += m->exec_us - m->mono_started_us;
    r.finished_us = r.started_us + r.wall_us;
    usage_now(m, &r.usage);
    if (m->cg.kind == CG_NONE && m->setup->job_ended) {
        const struct rusage *ru = &m->setup->job_usage;
        int64_t user = (int64_t)ru->ru_utime.tv_sec * 1000000 + ru->ru_utime.tv_usec;
        int64_t system = (int64_t)ru->ru_stime.tv_sec * 1000000 + ru->ru_stime.tv_usec;
        if (user + system > r.usage.cpu_us) {
            r.usage.cpu_us = user + system;
            r.usage.cpu_user_us = user;
            r.usage.cpu_system_us = system;
        }
        if (ru->ru_maxrss * 1024 > r.usage.memory_peak_bytes)
            r.usage.memory_peak_bytes = ru->ru_maxrss * 1024;
    }
    /* What cannot be kept is told in the record, beside the verdict on the program. */
    if (m->outputs_fd >= 0 && m->running &&
        collect_outputs(m->outputs_fd, m->run_fd, &m->spec, &m->config->identity, &m->collected,
                        &r.output_error) < 0)
        log_warn("monitor.outputs_lost", LOG_STR("run", r.run), LOG_ERR(&r.output_error));
    else if (m->spec.resources.output_disk) { /* what it held is kept by now, or refused with a reason */
        identity_lab(&m->config->identity);
        unlinkat(m->run_fd, RUNFOLDER_OUTPUTS_IMAGE, 0);
        identity_own(&m->config->identity);
    }
    const struct judge_facts facts = {m->setup,     m->stop,  m->stop_reason, m->running, init_status, &m->spec.resources,
                                      &r.usage, m->collected.full};
    judge(&facts, &r.end);
    if (m->journal.fd >= 0 && journal_finish(&m->journal, &r.log_error) < 0)
        log_warn("monitor.log_lost", LOG_STR("run", r.run), LOG_ERR(&r.log_error));
    int failed = write_record(m, &r, e);
    *verdict = r.end.verdict;
    *exit_code = judge_exit_status(&r.end);
    return failed;
}

/* After the record, and for `exec` after our end too: removing four v1 groups takes 1.5 ms. Whoever
 * does it holds the groups meanwhile, so no launcher sweeps them; what fails here is swept later. */
static void remove_groups(struct monitor *m)
{
    if (m->cg.kind == CG_NONE)
        return;
    pid_t pid = m->config->echo ? fork() : 0;
    if (pid > 0)
        return;
    if (m->config->echo && pid == 0) {
        setsid();
        for (int fd = 0; fd <= 2; fd++)
            close(fd); /* whoever reads our output is not kept waiting */
    }
    cg_remove(m->config->cgroups, m->cg.name, 200);
    if (m->config->echo && pid == 0)
        _exit(0);
}

static void release(struct monitor *m)
{
    attach_close(&m->attach, m->run_fd); /* after the record: an end of file says that it is there */
    for (int i = 0; i < SRC_COUNT; i++)
        if (i != SRC_OOM && i != SRC_ATTACH) /* the cgroup's, and attach's */
            fd_close_at(&m->fds[i]);
    fd_close_at(&m->epoll_fd);
    fd_close_at(&m->job_pidfd);
    fd_close_at(&m->outputs_fd);
    fd_close_at(&m->outputs_mount);
    fd_close_at(&m->idmap_fd);
    fd_close_at(&m->mounts_fd);
    fd_close_at(&m->proc_fd);
    fd_close_at(&m->page_fd);
    remove_groups(m);
    cg_close(&m->cg);
    fd_close_at(&m->lease_fd);
    collect_fini(&m->collected);
    refusals_fini(&m->refusals);
    learn_free(m->refusals.learn);
    profile_free(m->own_profile);
    setup_unmap(m->setup);
    if (m->has_spec)
        spec_fini(&m->spec);
    run_order_unmap(m->order);
    free(m);
}

static int open_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGIO); /* something new in the run folder */
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static struct monitor *new_monitor(const struct monitor_config *c, bool ahead, struct err *e)
{
    struct monitor *m = mem_alloc(sizeof *m);
    *m = (struct monitor){.config = c, .run_fd = -1, .epoll_fd = -1, .lease_fd = -1, .idmap_fd = -1, .proc_fd = -1,
                          .outputs_fd = -1, .outputs_mount = -1, .mounts_fd = -1, .job_pidfd = -1, .page_fd = -1, .journal = {.fd = -1},
                          .ahead = ahead, .cg = {.oom_event = -1, .oom_control = -1}};
    for (int i = 0; i < SRC_COUNT; i++)
        m->fds[i] = -1;
    for (int i = 0; i < CG_COUNT; i++)
        m->cg.dir[i] = m->cg.tasks[i] = -1;
    memset(&m->last, 0xff, sizeof m->last);
    m->setup = c->warm ? setup_map_file(&m->page_fd, e) : setup_map(e);
    m->order = m->setup && ahead ? run_order_map(e) : NULL;
    if (!m->setup || (ahead && !m->order)) {
        setup_unmap(m->setup);
        free(m);
        return NULL;
    }
    attach_init(&m->attach);
    collect_init(&m->collected);
    refusals_init(&m->refusals);
    m->fds[SRC_SIGNAL] = open_signals();
    signal(SIGPIPE, SIG_IGN);
    return m;
}

int monitor_ready(const struct monitor_config *c, struct monitor **out, struct err *e)
{
    struct monitor *m = new_monitor(c, true, e);
    if (!m)
        return -1;
    if (monitor_make_ahead(m) < 0) {
        err_set(e, E_UNAVAILABLE, setup_step_name((enum setup_step)(m->setup->failed - 1)), NULL, "%s", m->setup->failed_message);
        monitor_discard(m);
        return -1;
    }
    *out = m;
    return 0;
}

void monitor_forget_signals(struct monitor *m)
{
    struct signalfd_siginfo info;
    while (read(m->fds[SRC_SIGNAL], &info, sizeof info) == sizeof info)
        ;
}

void monitor_discard(struct monitor *m)
{
    if (m->init_pid > 0)
        monitor_drop_sandbox(m);
    release(m);
}

int monitor_serve(struct monitor *m, int run_fd, enum verdict *verdict, int *exit_code, struct err *e)
{
    int init_status = 0;
    m->run_fd = run_fd;
    m->started_us = time_now_us();
    m->mono_started_us = time_mono_us();
    if (monitor_prepare(m) == 0 && monitor_begin(m) == 0)
        watch(m);
    if (m->init_pid > 0) {
        if (!m->init_gone)
            monitor_kill(m);
        settle(m, &init_status);
    }
    int failed = finish(m, init_status, verdict, exit_code, e);
    release(m);
    return failed;
}

int monitor_run(const struct monitor_config *c, int run_fd, enum verdict *verdict, int *exit_code, struct err *e)
{
    struct monitor *m = new_monitor(c, false, e);
    return m ? monitor_serve(m, run_fd, verdict, exit_code, e) : -1;
}
