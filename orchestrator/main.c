/*
 * main.c - enclosd: from the command line to a daemon without rights.
 *
 * The order is the point. Folders, socket and launcher need the rights that we were started with; then these
 * are dropped and read back; only then is anything from outside read (state, catalog, clients).
 */
#include "api/common/fd.h"
#include "api/common/log.h"
#include "orchestrator/conn.h"
#include "orchestrator/lab.h"
#include "orchestrator/launch_client.h"
#include "orchestrator/method.h"
#include "orchestrator/options.h"
#include "orchestrator/peer.h"
#include "orchestrator/proxy_processes.h"
#include "orchestrator/restore_main.h"
#include "orchestrator/rights.h"
#include "orchestrator/state.h"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Standard descriptors that are closed would be taken by the next file that is opened. */
static void keep_standard_fds(void)
{
    struct stat st;
    for (int fd = 0; fd < 3; fd++)
        if (fstat(fd, &st) < 0 && open("/dev/null", O_RDWR) != fd) /* the lowest free number */
            _exit(1);
}

static int give_up(const struct err *e)
{
    log_error("lab.start", LOG_ERR(e));
    fprintf(stderr, "enclosd: %s%s%s\n", e->message, e->hint[0] ? "; " : "", e->hint);
    return 1;
}

static int serve(const struct options *opt)
{
    struct err e = {0};
    struct owner owner;
    int listen_fd = -1, launch_fd = -1, launch_pid = -1;

    if (state_owner(opt, &owner, &e) < 0 || state_adopt(opt, &owner, &e) < 0 ||
        state_socket_folder(opt, &owner, &e) < 0 ||
        conn_bind(opt->socket_path, opt->as_root, &listen_fd, &e) < 0)
        return give_up(&e);
    if (opt->as_root && owner.uid == 699999)
        log_warn("lab.user", LOG_INT("uid", owner.uid),
                 LOG_STR("why", "there is no account enclos; make one, or name one with --user"));
    if (launch_spawn(opt, &owner, &launch_fd, &launch_pid, &e) < 0 ||
        rights_drop(&owner, opt->as_root, &e) < 0) {
        unlink(opt->socket_path);
        return give_up(&e);
    }
    int status = lab_run(opt, &owner, listen_fd, launch_fd, launch_pid);
    /* Where the folder is root's, the socket stays as a stale one that the next start replaces. */
    unlink(opt->socket_path);
    return status;
}

/* The document of rpc.discover without a lab: what the reference pages and the clients' types are made from. */
static int print_discover(void)
{
    AUTO_BUF struct buf b = BUF_INIT(64 << 20);
    method_discover(&b);
    buf_add_char(&b, '\n');
    return !b.failed && fwrite(b.data, 1, b.len, stdout) == b.len && fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options opt;
    int status = 2;

    char threads[8];

    keep_standard_fds();
    if (argc == 2 && !strcmp(argv[1], "proxy")) /* started by ourselves, for one run */
        return proxy_main();
    if (argc == 2 && !strcmp(argv[1], "discover"))
        return print_discover();
    if (argc >= 2 && !strcmp(argv[1], "restore")) {
        umask(077);
        return restore_main(argc - 1, argv + 1);
    }
    snprintf(threads, sizeof threads, "%d", POOL_THREADS);
    /* Libuv reads it when the pool is first used. NOLINTNEXTLINE(concurrency-mt-unsafe): one thread yet */
    setenv("UV_THREADPOOL_SIZE", threads, 1);
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    switch (options_read(&opt, argc, argv)) {
    case OPTIONS_EXIT_OK: status = 0; break;
    case OPTIONS_EXIT_USAGE: status = 2; break;
    case OPTIONS_RUN:
        log_init("enclosd", opt.log_level);
        status = serve(&opt);
        break;
    }
    options_fini(&opt);
    return status;
}
