/*
 * launcher.c - starts monitors for the orchestrator. See api/common/launch.h for what is said.
 *
 *   enclosd ---SOCK_SEQPACKET--- launcher ---fork---> monitor (one a run)
 *                                   ^      ---fork---> ready: monitor with a sandbox that waits for a run
 *                 keeper ---fork----+   (again when it dies)
 *
 * Most of what a start costs is done before there is a run: as root, a few monitors stand ready with a sandbox of
 * the profile that was used last (monitor_ready). A run goes to one of them, or, when none is there, to a
 * monitor forked for it.
 *
 * Small and single-threaded on purpose: a fork costs what the process is big. The profiles it has
 * loaded are shared with its monitors by that fork. The orchestrator has given its rights away and is
 * the less trusted end: a packet that is not exactly right ends the conversation.
 */
#include "runner/confine.h"
#include "runner/host.h"

#include "api/common/buf.h"
#include "api/common/fd.h"
#include "api/common/json.h"
#include "api/common/launch.h"
#include "api/common/log.h"
#include "api/common/mem.h"
#include "api/common/text.h"
#include "runner/sandbox.h"
#include "runner/uids.h"
#include "runner/warm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CHILDREN_MAX = 4096, PROFILES_MAX = 32, RESTART_PAUSE_MS = 100, NETWORKS = 12, NETWORKS_AHEAD = 2, READY = 4, QUIET_MS = 3 };

struct child {
    pid_t pid;
    char run[TEXT_ID_SIZE];
    int network; /* what it was lent and may come back; -1: none */
};

/* A monitor with a sandbox that waits for its run on `order`. */
struct ready {
    pid_t pid;
    int order;
    int network;
};

struct known_profile {
    struct profile *profile;
    int64_t changed_ns; /* newest change among the files it came from */
};

struct launcher {
    struct host host;
    int sock;
    int signal_fd;
    sigset_t old_mask;
    struct child children[CHILDREN_MAX];
    size_t child_count;
    struct known_profile profiles[PROFILES_MAX];
    size_t profile_count;
    struct ready ready[READY];
    size_t ready_count;
    const struct profile *ready_profile; /* of those that are made now; NULL: none are */
    const struct profile *unready_profile; /* none could be made for it */
    int networks[NETWORKS]; /* network namespaces that nobody uses and nothing is left in */
    size_t network_count;
    int home_network;
    struct stat linker_cache; /* /etc/ld.so.cache as the ready root shows it */
    bool no_networks;
    struct warm_pool *templates;
};

/* ---- profiles kept in memory ---- */

static int64_t changed_ns(const char *dir, const char *name)
{
    char path[4200];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s.jsonc", dir, name);
    return stat(path, &st) < 0 ? 0 : st.st_mtim.tv_sec * INT64_C(1000000000) + st.st_mtim.tv_nsec;
}

static int64_t newest_ns(const char *dir, const struct profile *p)
{
    int64_t newest = changed_ns(dir, p->name);
    for (size_t i = 0; i < p->extends_count; i++) {
        int64_t t = changed_ns(dir, p->extends[i]);
        newest = t > newest ? t : newest;
    }
    return newest;
}

/* NULL: the monitor loads it by itself, and its record tells what was wrong. */
static const struct profile *known(struct launcher *l, const char *name)
{
    const char *dir = l->host.profiles_dir;
    struct err e = {0};
    struct known_profile *row = NULL;
    if (!text_is_name(name))
        return NULL;
    for (size_t i = 0; i < l->profile_count && !row; i++)
        if (strcmp(l->profiles[i].profile->name, name) == 0)
            row = &l->profiles[i];
    if (row && newest_ns(dir, row->profile) == row->changed_ns)
        return row->profile;
    if (!row && l->profile_count == PROFILES_MAX)
        return NULL;
    struct profile *fresh = NULL;
    if (profile_load(dir, name, l->host.config.cache_dir_fd, &fresh, &e) < 0)
        return NULL;
    if (!row)
        row = &l->profiles[l->profile_count++];
    else
        profile_free(row->profile);
    warm_pool_forget(l->templates, fresh->name);
    *row = (struct known_profile){fresh, newest_ns(dir, fresh)};
    return fresh;
}

/* ---- network namespaces kept ready ---- */

static int new_network(void)
{
    return unshare(CLONE_NEWNET) < 0 ? -1 : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

/* The launcher and its monitors have no use for a network: their own is an empty one too, never a
 * run's. Rootless, ready ones would belong to the wrong user namespace: none is kept. */
static void leave_network(struct launcher *l)
{
    l->home_network = l->host.config.identity.rootless ? -1 : new_network();
    l->no_networks = l->home_network < 0; /* monitors make their own, and tell what is wrong */
}

/* Makes one by moving into it and back. Done when nothing is waiting. */
static void make_network(struct launcher *l)
{
    AUTO_FD int fd = new_network();
    if (setns(l->home_network, CLONE_NEWNET) < 0 || fd < 0)
        l->no_networks = true;
    else
        l->networks[l->network_count++] = fd_take(&fd);
}

static bool wants_network(const struct launcher *l)
{
    return !l->no_networks && l->network_count < NETWORKS_AHEAD;
}

static int take_network(struct launcher *l)
{
    return l->network_count ? l->networks[--l->network_count] : -1;
}

/* A run without a network can only have made Unix sockets, and its processes are dead: where the kernel counts
 * no socket of that namespace, of whatever family (one may be left in a message that nobody will read), it is as it
 * was when new. Making and removing one is the dearest part of a sandbox. */
static bool is_unused(struct launcher *l, int network)
{
    static const char none[] = "sockets: used 0\n";
    char text[sizeof none - 1];
    if (setns(network, CLONE_NEWNET) < 0)
        return false;
    AUTO_FD int fd = open("/proc/self/net/sockstat", O_RDONLY | O_CLOEXEC);
    bool unused = fd >= 0 && read(fd, text, sizeof text) == (ssize_t)sizeof text && memcmp(text, none, sizeof text) == 0;
    if (setns(l->home_network, CLONE_NEWNET) < 0)
        l->no_networks = true;
    return unused && !l->no_networks;
}

static void give_back_network(struct launcher *l, int network, bool ended_well)
{
    if (network < 0)
        return;
    if (ended_well && l->network_count < NETWORKS && is_unused(l, network))
        l->networks[l->network_count++] = network;
    else
        close(network);
}

/* ---- sandboxes kept ready ---- */

/* Its sandbox goes with it. Reaped like any child; its network is not taken back. */
static void drop_ready(struct launcher *l, size_t i)
{
    close(l->ready[i].order);
    if (l->ready[i].network >= 0)
        close(l->ready[i].network);
    memmove(l->ready + i, l->ready + i + 1, (--l->ready_count - i) * sizeof *l->ready);
}

static void drop_all_ready(struct launcher *l)
{
    while (l->ready_count)
        drop_ready(l, l->ready_count - 1);
}

/* ---- the shared root kept ready ---- */

#define READY_ROOT UIDS_FOLDER "/root"

/* In a mount namespace of the launcher's own, where nothing of it shows on the host: a sandbox is cloned
 * from it with the root in place. A failure is told, and init builds its root by itself. */
static void build_root(struct launcher *l)
{
    struct err e = {0};
    struct setup *page = setup_map(&e);
    AUTO_FD int root = -1;
    l->host.config.ready_root = NULL;
    if (page && root_build(page, l->host.python_path, READY_ROOT, &root) == 0 &&
        stat("/etc/ld.so.cache", &l->linker_cache) == 0)
        l->host.config.ready_root = READY_ROOT;
    else
        log_warn("launcher.root_not_ready", LOG_STR("why", page ? page->failed_message : e.message));
    setup_unmap(page);
}

static void prepare_root(struct launcher *l)
{
    struct err e = {0};
    AUTO_FD int dir = -1;
    if (l->host.config.identity.rootless)
        return; /* it would belong to the wrong user namespace */
    if (uids_open(&dir, &e) < 0 || (mkdirat(dir, "root", 0700) < 0 && errno != EEXIST) || unshare(CLONE_NEWNS) < 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0) {
        log_warn("launcher.root_not_ready", LOG_INT("errno", errno), LOG_STR("why", e.message));
        return;
    }
    build_root(l);
}

/* An installed package replaces the linker's cache: a mount of the old file would hide new libraries. */
static void refresh_root(struct launcher *l)
{
    struct stat now;
    if (!l->host.config.ready_root ||
        (stat("/etc/ld.so.cache", &now) == 0 && now.st_ino == l->linker_cache.st_ino &&
         now.st_mtim.tv_sec == l->linker_cache.st_mtim.tv_sec && now.st_mtim.tv_nsec == l->linker_cache.st_mtim.tv_nsec))
        return;
    drop_all_ready(l);
    if (umount2(READY_ROOT, MNT_DETACH) < 0)
        l->host.config.ready_root = NULL;
    else
        build_root(l);
}

/* ---- answers ---- */

static void answer(struct launcher *l, enum launch_type type, const char *run, int64_t value, const char *text,
                   int fd)
{
    struct launch_packet p = {.magic = LAUNCH_MAGIC, .version = LAUNCH_VERSION, .type = (uint16_t)type, .value = value};
    snprintf(p.run, sizeof p.run, "%s", run);
    snprintf(p.text, sizeof p.text, "%s", text);
    if (fd_send(l->sock, &p, sizeof p, &fd, fd >= 0 ? 1 : 0) < 0)
        log_warn("launcher.answer_lost", LOG_STR("run", run), LOG_INT("errno", errno));
}

static void hello(struct launcher *l, int64_t generation)
{
    AUTO_BUF struct buf out = BUF_INIT(900);
    struct jw w = jw_to(&out);
    jw_obj(&w);
    jw_bool_at(&w, "rootless", l->host.config.identity.rootless);
    jw_str_at(&w, "cgroup", cg_kind_name(&l->host.cgroups));
    jw_int_at(&w, "landlock_abi", landlock_abi());
    if (l->host.cgroups.kind == CG_NONE) {
        jw_str_at(&w, "cgroup_error", l->host.config.cgroup_error.message);
        jw_str_at(&w, "cgroup_hint", l->host.config.cgroup_error.hint);
    }
    jw_end_obj(&w);
    answer(l, LAUNCH_HELLO, "", generation, buf_cstr(&out), -1);
}

/* ---- monitors ---- */

/* In the child: nothing of the launcher's but what a monitor needs. The other networks are for other runs: it
 * neither reaches them nor keeps them there after their end. */
static void become_monitor(struct launcher *l, const struct profile *profile, int network)
{
    prctl(PR_SET_NAME, SANDBOX_READY_NAME, 0, 0, 0); /* until it has a run */
    setsid(); /* a terminal's Ctrl-C for the lab is not meant for its runs */
    close(l->sock);
    close(l->signal_fd);
    warm_pool_leave(l->templates, l->host.config.warm);
    sigprocmask(SIG_SETMASK, &l->old_mask, NULL);
    l->host.config.profile = profile;
    l->host.config.netns_fd = network;
    for (size_t i = 0; i < l->network_count; i++)
        close(l->networks[i]);
    for (size_t i = 0; i < l->child_count; i++)
        if (l->children[i].network >= 0)
            close(l->children[i].network);
    for (size_t i = 0; i < l->ready_count; i++) {
        close(l->ready[i].order);
        if (l->ready[i].network >= 0)
            close(l->ready[i].network);
    }
    fd_close_at(&l->home_network);
}

_Noreturn static void monitor_ends(int failed, const char *run, enum verdict verdict, const struct err *e)
{
    if (failed)
        log_error("monitor.record_failed", LOG_STR("run", run), LOG_ERR(e));
    else
        log_info("monitor.done", LOG_STR("run", run), LOG_STR("verdict", verdict_name(verdict)));
    _exit(failed ? 1 : 0);
}

_Noreturn static void monitor_process(struct launcher *l, int run_fd, const char *run, int claim_pipe)
{
    struct err e = {0};
    enum verdict verdict = VERDICT_NONE;
    int status = 0, lock = -1;
    prctl(PR_SET_NAME, "enclos-monitor", 0, 0, 0);
    int claimed = monitor_claim(&l->host.config, run_fd, &lock, &e);
    if (write(claim_pipe, &e, sizeof e) != sizeof e || claimed < 0)
        _exit(1);
    close(claim_pipe);
    int failed = monitor_run(&l->host.config, run_fd, &verdict, &status, &e);
    monitor_ends(failed, run, verdict, &e);
}

/* The order is a run's name with its folder and the pipe that is told whether it was claimed. */
_Noreturn static void ready_process(struct launcher *l, int order)
{
    struct err e = {0};
    struct monitor *m = NULL;
    char run[TEXT_ID_SIZE] = "";
    enum verdict verdict = VERDICT_NONE;
    int status = 0, lock = -1, fds[2] = {-1, -1};
    size_t fd_count = 2;
    if (monitor_ready(&l->host.config, &m, &e) < 0) {
        log_warn("launcher.not_ready", LOG_ERR(&e));
        _exit(1);
    }
    if (fd_recv(order, run, sizeof run, fds, &fd_count) != sizeof run || fd_count != 2) {
        monitor_discard(m); /* the launcher is gone, or has no use for us */
        _exit(0);
    }
    close(order);
    prctl(PR_SET_NAME, "enclos-monitor", 0, 0, 0);
    monitor_forget_signals(m);
    int claimed = monitor_claim(&l->host.config, fds[0], &lock, &e);
    if (write(fds[1], &e, sizeof e) != sizeof e || claimed < 0) {
        monitor_discard(m);
        _exit(1);
    }
    close(fds[1]);
    int failed = monitor_serve(m, fds[0], &verdict, &status, &e);
    monitor_ends(failed, run, verdict, &e);
}

static bool wants_ready(const struct launcher *l)
{
    return l->ready_profile && l->ready_count < READY;
}

static void make_ready(struct launcher *l)
{
    int order[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, order) < 0) {
        l->ready_profile = NULL;
        return;
    }
    int network = take_network(l);
    pid_t pid = fork();
    if (pid == 0) {
        close(order[0]);
        become_monitor(l, l->ready_profile, network);
        ready_process(l, order[1]);
    }
    close(order[1]);
    if (pid < 0) {
        close(order[0]);
        give_back_network(l, network, true);
        l->ready_profile = NULL;
    } else {
        l->ready[l->ready_count++] = (struct ready){pid, order[0], network};
    }
}

/* Sandboxes are kept ready for the profile that was used last, as it is now. */
static void aim_ready(struct launcher *l, const struct profile *profile)
{
    if (l->host.config.identity.rootless || !l->host.config.ready_root || !profile ||
        profile->network != PROFILE_NETWORK_NONE || l->host.cgroups.kind == CG_NONE || profile == l->unready_profile)
        profile = NULL;
    if (profile != l->ready_profile)
        drop_all_ready(l);
    l->ready_profile = profile;
}

static void refuse(struct launcher *l, const char *run, const struct err *e)
{
    log_warn("launcher.refused", LOG_STR("run", run), LOG_ERR(e));
    answer(l, LAUNCH_REFUSED, run, e->os_errno ? e->os_errno : e->kind == E_CONFLICT ? EEXIST : 0, e->message, -1);
}

/* Hands the run to a monitor that is ready. Its pid, or -1: none was, or it has died. */
static pid_t order_ready(struct launcher *l, const char *run, int run_fd, int claim_pipe, int *network)
{
    const int fds[2] = {run_fd, claim_pipe};
    char name[TEXT_ID_SIZE] = "";
    snprintf(name, sizeof name, "%s", run);
    while (l->ready_count) {
        struct ready first = l->ready[0]; /* the oldest: its sandbox is most likely whole */
        memmove(l->ready, l->ready + 1, --l->ready_count * sizeof *l->ready);
        bool sent = fd_send(first.order, name, sizeof name, fds, 2) == sizeof name;
        close(first.order);
        *network = first.network;
        if (sent)
            return first.pid;
        if (first.network >= 0)
            close(first.network);
    }
    *network = -1;
    return -1;
}

static pid_t fork_monitor(struct launcher *l, const struct profile *profile, const char *run, int run_fd, int claim_pipe,
                          int *network)
{
    /* Only where nothing but Unix sockets can be made in it may it serve again. */
    *network = profile && profile->network == PROFILE_NETWORK_NONE ? take_network(l) : -1;
    pid_t pid = fork();
    if (pid == 0) {
        become_monitor(l, profile, *network);
        monitor_process(l, run_fd, run, claim_pipe);
    }
    return pid;
}

static void start_monitor(struct launcher *l, const struct launch_packet *p, int run_fd)
{
    struct err e = {0};
    struct stat st;
    int claim[2] = {-1, -1}, network = -1;
    const struct monitor_config *c = &l->host.config;
    if (fstat(run_fd, &st) < 0 || !S_ISDIR(st.st_mode) || st.st_uid != c->identity.lab_uid) {
        err_set(&e, E_DENIED, "run", NULL, "what was passed is not a run folder of the lab's");
        refuse(l, p->run, &e);
        return;
    }
    if (l->child_count == CHILDREN_MAX) {
        err_set(&e, E_LIMIT, "run", NULL, "the launcher has %d monitors already", CHILDREN_MAX);
        refuse(l, p->run, &e);
        return;
    }
    const struct profile *profile = known(l, p->text);
    refresh_root(l);
    aim_ready(l, profile);
    l->host.config.warm_why = NULL;
    l->host.config.warm =
        p->warm[0] ? warm_pool_find(l->templates, &l->host, profile, p->warm, p->value, &l->host.config.warm_why) : NULL;
    pid_t pid = -1;
    if (pipe2(claim, O_CLOEXEC) == 0 &&
        (p->warm[0] || (pid = order_ready(l, p->run, run_fd, claim[1], &network)) < 0))
        pid = fork_monitor(l, profile, p->run, run_fd, claim[1], &network);
    l->host.config.warm = NULL; /* that run's: a monitor made ahead would keep its template's sockets */
    if (pid < 0) {
        err_sys(&e, "run", NULL, "cannot fork a monitor");
        if (network >= 0)
            close(network);
    } else {
        l->children[l->child_count] = (struct child){.pid = pid, .network = network};
        snprintf(l->children[l->child_count++].run, TEXT_ID_SIZE, "%s", p->run);
        fd_close_at(&claim[1]);
        if (read(claim[0], &e, sizeof e) != sizeof e) {
            e = (struct err){0};
            err_set(&e, E_INTERNAL, "run", NULL, "the monitor died before it took the run");
        }
    }
    fd_close_at(&claim[0]);
    fd_close_at(&claim[1]);
    if (e.kind != E_NONE) {
        refuse(l, p->run, &e);
        return;
    }
    AUTO_FD int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    answer(l, LAUNCH_STARTED, p->run, pid, "", pidfd);
}

/* A monitor that was killed leaves its group, whose name is its run's or, made ahead, one of its own. */
static void forget(struct launcher *l, const char *run)
{
    cg_forget(&l->host.cgroups, run);
    cg_sweep(&l->host.cgroups, MONITOR_READY_PREFIX);
}

static void reap_child(struct launcher *l, size_t i, int status)
{
    struct child child = l->children[i];
    l->children[i] = l->children[--l->child_count];
    if (WIFSIGNALED(status)) { /* it leaves its groups; its sandbox died with it, or dies now */
        log_error("monitor.died", LOG_STR("run", child.run), LOG_INT("signal", WTERMSIG(status)));
        forget(l, child.run);
    }
    give_back_network(l, child.network, WIFEXITED(status));
}

static void reap(struct launcher *l)
{
    struct signalfd_siginfo info;
    int status;
    pid_t pid;
    if (read(l->signal_fd, &info, sizeof info) < 0 && errno != EAGAIN)
        log_warn("launcher.signalfd", LOG_INT("errno", errno));
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (warm_pool_reaped(l->templates, pid, status))
            continue;
        for (size_t i = 0; i < l->child_count; i++)
            if (l->children[i].pid == pid) {
                reap_child(l, i, status);
                break;
            }
        for (size_t i = 0; i < l->ready_count; i++)
            if (l->ready[i].pid == pid) { /* none is made before the next run */
                drop_ready(l, i);
                /* It has told why; a run makes its own, and its record tells again. Killed, it says nothing of the
                 * profile; its group, which its init still holds, goes with the next that are swept. */
                if (!WIFSIGNALED(status) && l->ready_profile)
                    l->unready_profile = l->ready_profile;
                l->ready_profile = NULL;
                break;
            }
    }
}

/* ---- the conversation ---- */

static bool well_formed(const struct launch_packet *p, ssize_t n, size_t fd_count)
{
    if (n != (ssize_t)sizeof *p || p->magic != LAUNCH_MAGIC || p->version != LAUNCH_VERSION ||
        !memchr(p->run, '\0', sizeof p->run) || !memchr(p->text, '\0', sizeof p->text) ||
        !memchr(p->warm, '\0', sizeof p->warm) || (p->warm[0] && (!text_is_name(p->warm) || p->value < 1 || p->value > 4096)) || !text_is_name(p->run))
        return false;
    return (p->type == LAUNCH_START && fd_count == 1) || (p->type == LAUNCH_FORGET && fd_count == 0);
}

/* 0: go on, 1: the orchestrator is gone, 2: what came was not well formed. */
static int receive(struct launcher *l)
{
    struct {
        struct launch_packet packet;
        char more; /* of a packet that is longer, which would be cut to the right size otherwise */
    } in;
    const struct launch_packet *p = &in.packet;
    int fds[2] = {-1, -1};
    size_t fd_count = 2;
    ssize_t n = fd_recv(l->sock, &in, sizeof in, fds, &fd_count);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    bool good = n > 0 && well_formed(p, n, fd_count);
    if (good && p->type == LAUNCH_START)
        start_monitor(l, p, fds[0]);
    else if (good)
        forget(l, p->run);
    for (size_t i = 0; i < 2; i++)
        fd_close_at(&fds[i]);
    if (n > 0 && !good)
        log_error("launcher.bad_packet", LOG_INT("size_bytes", n));
    return n <= 0 ? 1 : good ? 0 : 2;
}

/* What each monitor tells of its run to those that are made ready after it. Without it they guess nothing. */
static void share_resources(struct launcher *l)
{
    void *page = mmap(NULL, sizeof *l->host.config.before, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED)
        l->host.config.before = page;
}

static int serve(const struct host_options *options, int sock, int64_t generation)
{
    struct err e = {0};
    sigset_t set;
    /* Big only in address space: untouched pages cost a fork nothing. */
    static struct launcher l;
    l.sock = sock;
    prctl(PR_SET_NAME, "enclos-launcher", 0, 0, 0);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (host_open(options, &l.host, &e) < 0 || confine_launcher(&e) < 0) {
        log_error("launcher.failed", LOG_ERR(&e));
        return 3;
    }
    if (l.host.cgroups.kind == CG_NONE)
        log_warn("launcher.no_limits", LOG_ERR(&l.host.config.cgroup_error));
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &l.old_mask);
    l.signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    cg_sweep(&l.host.cgroups, "");
    leave_network(&l);
    share_resources(&l);
    prepare_root(&l);
    hello(&l, generation);
    log_info("launcher.ready", LOG_INT("generation", generation), LOG_STR("cgroup", cg_kind_name(&l.host.cgroups)),
             LOG_INT("landlock_abi", landlock_abi()));
    l.templates = warm_pool_new();
    struct pollfd polled[3] = {{sock, POLLIN, 0}, {l.signal_fd, POLLIN, 0}, {warm_pool_fd(l.templates), POLLIN, 0}};
    int end = 0;
    while (!end) {
        /* A run that has just begun is not disturbed for the sake of the next, unless nothing would be there for it. */
        int pause_ms = !wants_ready(&l) && !wants_network(&l) ? -1 : l.ready_count > 1 ? QUIET_MS : 0;
        int ready = poll(polled, 3, pause_ms);
        if (ready < 0 && errno != EINTR)
            return 3;
        if (ready == 0 && wants_ready(&l))
            make_ready(&l);
        else if (ready == 0)
            make_network(&l);
        if (polled[1].revents)
            reap(&l);
        if (polled[2].revents)
            warm_pool_attend(l.templates);
        if (polled[0].revents)
            end = receive(&l);
    }
    warm_pool_end(l.templates);
    return end == 1 ? 0 : 2;
}

int launcher_main(int argc, char **argv)
{
    struct err e = {0};
    struct host_options options = {0};
    int sock = -1;
    log_init("enclos-runner", LOG_INFO_LEVEL);
    int next = host_read_options(argc, argv, &options, &sock, NULL, &e);
    if (next >= 0 && (next != argc || sock < 0))
        err_set(&e, E_INVALID, "--fd", NULL, "usage: enclos-runner launcher --fd N [--lab-uid U --lab-gid G]");
    if (e.kind != E_NONE) {
        log_error("launcher.failed", LOG_ERR(&e));
        return 125;
    }
    if (fcntl(sock, F_SETFD, FD_CLOEXEC) < 0) {
        err_sys(&e, "--fd", NULL, "descriptor %d is not open", sock);
        log_error("launcher.failed", LOG_ERR(&e));
        return 125;
    }
    prctl(PR_SET_NAME, "enclos-keeper", 0, 0, 0);
    signal(SIGINT, SIG_IGN); /* a terminal's Ctrl-C: the orchestrator decides when we end */
    signal(SIGPIPE, SIG_IGN);
    for (int64_t generation = 1;; generation++) {
        int status;
        pid_t pid = fork();
        if (pid == 0)
            _exit(serve(&options, sock, generation));
        if (pid < 0)
            return 3;
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
        /* It ends by itself when the orchestrator goes, or when what it heard made no sense. */
        if (WIFEXITED(status))
            return WEXITSTATUS(status);
        log_error("launcher.died", LOG_INT("signal", WTERMSIG(status)), LOG_INT("generation", generation));
        nanosleep(&(struct timespec){.tv_nsec = RESTART_PAUSE_MS * 1000000L}, NULL);
    }
}
