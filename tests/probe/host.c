/*
 * host.c - groups F and G of the attack cases: leaks from the host and other runs, kernel surface.
 */
#define _GNU_SOURCE
#include "tests/probe/probe.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

extern char **environ;

static int f72(int argc, char **argv)
{
    static const struct {
        const char *name;
        int family, type, protocol;
    } kinds[] = {
        {"AF_VSOCK", 40, SOCK_STREAM, 0},      {"AF_ALG", 38, SOCK_SEQPACKET, 0},
        {"AF_PACKET", 17, SOCK_RAW, 0x300},    {"AF_BLUETOOTH", 31, SOCK_RAW, 1},
        {"AF_XDP", 44, SOCK_RAW, 0},           {"AF_TIPC", 30, SOCK_STREAM, 0},
        {"AF_RDS", 21, SOCK_SEQPACKET, 0},     {"AF_KEY", 15, SOCK_RAW, 2},
        {"AF_INET RAW", AF_INET, SOCK_RAW, 1}, {"AF_INET6 RAW", AF_INET6, SOCK_RAW, 58},
        {"AF_CAN", 29, SOCK_RAW, 1},           {"AF_SMC", 43, SOCK_STREAM, 0},
        {"AF_QIPCRTR", 42, SOCK_DGRAM, 0},     {"AF_INET", AF_INET, SOCK_STREAM, 0},
        {"AF_INET6", AF_INET6, SOCK_STREAM, 0}, {"AF_INET DGRAM", AF_INET, SOCK_DGRAM, 0},
        {"AF_MCTP", 45, SOCK_DGRAM, 0},        {"AF_NFC", 39, SOCK_SEQPACKET, 0},
    };

    (void)argc, (void)argv;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int fd = (int)TRY(kinds[i].name, socket(kinds[i].family, kinds[i].type, kinds[i].protocol));
        if (fd >= 0)
            close(fd);
    }
    int unix_fd = (int)TRY("AF_UNIX", socket(AF_UNIX, SOCK_STREAM, 0));
    probe_fact_int("unix", unix_fd);
    return 0;
}

static int f73(int argc, char **argv)
{
    (void)argc, (void)argv;
    TRY("NETLINK_ROUTE", socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE));
    TRY("NETLINK_NETFILTER", socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER));
    TRY("NETLINK_AUDIT", socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT));
    TRY("NETLINK_KOBJECT_UEVENT", socket(AF_NETLINK, SOCK_RAW, NETLINK_KOBJECT_UEVENT));
    TRY("NETLINK_GENERIC", socket(AF_NETLINK, SOCK_RAW, NETLINK_GENERIC));
    return 0;
}

static void try_connect(const char *name, const char *address, int port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    inet_pton(AF_INET, address, &to.sin_addr);
    if (fd < 0) {
        probe_attempt(name, -1);
        return;
    }
    TRY(name, connect(fd, (struct sockaddr *)&to, sizeof to));
    close(fd);
}

static int f75(int argc, char **argv)
{
    int port = (int)probe_arg(argc, argv, 0, 80);
    struct sockaddr_in6 to6 = {.sin6_family = AF_INET6, .sin6_port = htons(80), .sin6_addr = IN6ADDR_LOOPBACK_INIT};

    try_connect("connect(127.0.0.1)", "127.0.0.1", port);
    try_connect("connect(169.254.169.254)", "169.254.169.254", 80);
    try_connect("connect(1.1.1.1)", "1.1.1.1", 53);
    if (argc > 1)
        try_connect("connect(host)", argv[1], port);
    errno = 0;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    probe_attempt("connect(::1)", fd < 0 ? -1 : connect(fd, (struct sockaddr *)&to6, sizeof to6));
    return 0;
}

/* Abstract Unix sockets live in the network namespace: NAME is one that listens outside. */
static int abstract(int argc, char **argv)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = argc > 0 ? strlen(argv[0]) : 0;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (len == 0 || len + 1 > sizeof to.sun_path)
        return 3;
    memcpy(to.sun_path + 1, argv[0], len);
    TRY("connect(abstract)", connect(fd, (struct sockaddr *)&to, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + len)));
    return 0;
}

static int f79(int argc, char **argv)
{
    char names[512] = "";
    DIR *dir = opendir("/dev/shm");

    (void)argc, (void)argv;
    for (struct dirent *d; dir != NULL && (d = readdir(dir)) != NULL;)
        if (d->d_name[0] != '.' && strlen(names) + strlen(d->d_name) + 2 < sizeof names)
            strcat(strcat(names, d->d_name), " ");
    if (dir != NULL)
        closedir(dir);
    probe_fact_str("shm_found", names);
    int fd = (int)TRY("open(/dev/shm/left)", open("/dev/shm/left", O_CREAT | O_RDWR | O_CLOEXEC, 0666));
    probe_fact_int("fd", fd >= 0);
    TRY("shmget(0x51, no create)", syscall(SYS_shmget, 0x51, 4096, 0));
    TRY("shmget(0x51, create)", syscall(SYS_shmget, 0x51, 4096, 01000 | 0666));
    TRY("semget(0x52, no create)", syscall(SYS_semget, 0x52, 1, 0));
    TRY("semget(0x52, create)", syscall(SYS_semget, 0x52, 1, 01000 | 0666));
    TRY("open(/tmp/left, no create)", open("/tmp/left", O_RDWR | O_CLOEXEC));
    TRY("open(/tmp/left, create)", open("/tmp/left", O_CREAT | O_RDWR | O_CLOEXEC, 0666));
    return 0;
}

static int f81(int argc, char **argv)
{
    static char all[16384];

    (void)argc, (void)argv;
    for (char **e = environ; *e != NULL; e++)
        if (strlen(all) + strlen(*e) + 2 < sizeof all)
            strcat(strcat(all, *e), "\n");
    probe_fact_str("environ", all);
    return 0;
}

static int f82(int argc, char **argv)
{
    static const char *const file = "/data/d/data.csv";
    struct timeval times[2] = {{1, 0}, {1, 0}};

    (void)argc, (void)argv;
    TRY("open(O_WRONLY)", open(file, O_WRONLY | O_CLOEXEC));
    TRY("open(O_RDWR)", open(file, O_RDWR | O_CLOEXEC));
    TRY("open(O_TRUNC)", open(file, O_RDONLY | O_TRUNC | O_CLOEXEC));
    TRY("open(O_CREAT)", open("/data/d/new", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    int fd = (int)TRY("open(O_RDONLY)", open(file, O_RDONLY | O_CLOEXEC));
    TRY("fchmod()", fchmod(fd, 0666));
    TRY("fchown()", fchown(fd, getuid(), getgid()));
    TRY("futimes()", futimes(fd, times));
    TRY("chmod()", chmod(file, 0666));
    TRY("unlink()", unlink(file));
    TRY("rename()", rename(file, "/data/d/x"));
    TRY("truncate()", truncate(file, 0));
    TRY("ftruncate()", ftruncate(fd, 0));
    TRY("mkdir()", mkdir("/data/d/new", 0755));
    errno = 0;
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    probe_attempt("mmap(SHARED, WRITE)", p == MAP_FAILED ? -1 : 0);
    int again = (int)TRY("open(/proc/self/fd/N, O_RDWR)", ({
        char path[64];
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
        open(path, O_RDWR | O_CLOEXEC);
    }));
    (void)again;
    return 0;
}

static void try_open(const char *path, int flags)
{
    char call[160];

    snprintf(call, sizeof call, "open(%s, %s)", path, flags == O_RDONLY ? "r" : "w");
    int fd = (int)TRY(call, open(path, flags | O_CLOEXEC));
    if (fd >= 0)
        close(fd);
}

static int f84(int argc, char **argv)
{
    static const char *const reads[] = {"/proc/kcore", "/proc/kmsg", "/dev/kmsg", "/dev/mem", "/proc/keys",
                                        "/proc/timer_list", "/sys/kernel/debug", "/sys/firmware",
                                        "/etc/shadow", "/root", "/home", "/var/lib/enclos", "/run"};
    static const char *const writes[] = {"/proc/sys/kernel/core_pattern", "/proc/sysrq-trigger",
                                         "/proc/sys/kernel/hostname", "/proc/sys/vm/drop_caches",
                                         "/sys/kernel/uevent_helper", "/sys/power/state",
                                         "/proc/self/oom_score_adj", "/proc/self/comm"};

    (void)argc, (void)argv;
    for (size_t i = 0; i < sizeof reads / sizeof *reads; i++)
        try_open(reads[i], O_RDONLY);
    for (size_t i = 0; i < sizeof writes / sizeof *writes; i++)
        try_open(writes[i], O_WRONLY);
    TRY("syslog(READ_ALL)", syscall(SYS_syslog, 3, NULL, 0));
    return 0;
}

/* Every mount point and every entry of the root, for the test to compare with what is promised. */
static int view(int argc, char **argv)
{
    static char text[32768];
    int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof text / 4) : -1;
    char names[1024] = "", cwd[256] = "";

    (void)argc, (void)argv;
    text[n > 0 ? n : 0] = '\0';
    probe_fact_str("mountinfo", text);
    DIR *dir = opendir("/");
    for (struct dirent *d; dir != NULL && (d = readdir(dir)) != NULL;)
        if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0 &&
            strlen(names) + strlen(d->d_name) + 2 < sizeof names)
            strcat(strcat(names, d->d_name), " ");
    if (dir != NULL)
        closedir(dir);
    probe_fact_str("root", names);
    probe_fact_str("cwd", getcwd(cwd, sizeof cwd) != NULL ? cwd : "");
    names[0] = '\0';
    dir = opendir("/dev");
    for (struct dirent *d; dir != NULL && (d = readdir(dir)) != NULL;)
        if (d->d_name[0] != '.' && strlen(names) + strlen(d->d_name) + 2 < sizeof names)
            strcat(strcat(names, d->d_name), " ");
    if (dir != NULL)
        closedir(dir);
    probe_fact_str("dev", names);
    return 0;
}

static int g88(int argc, char **argv)
{
    static const struct {
        const char *name;
        long number;
    } calls[] = {
        {"bpf", SYS_bpf}, {"perf_event_open", SYS_perf_event_open}, {"userfaultfd", SYS_userfaultfd},
        {"kexec_load", SYS_kexec_load}, {"kexec_file_load", SYS_kexec_file_load}, {"init_module", SYS_init_module},
        {"finit_module", SYS_finit_module}, {"delete_module", SYS_delete_module}, {"iopl", SYS_iopl},
        {"ioperm", SYS_ioperm}, {"modify_ldt", SYS_modify_ldt}, {"swapon", SYS_swapon}, {"reboot", SYS_reboot},
        {"acct", SYS_acct}, {"quotactl", SYS_quotactl}, {"nfsservctl", SYS_nfsservctl},
        {"lookup_dcookie", SYS_lookup_dcookie}, {"io_uring_setup", SYS_io_uring_setup},
        {"io_uring_enter", SYS_io_uring_enter}, {"io_uring_register", SYS_io_uring_register},
        {"open_by_handle_at", SYS_open_by_handle_at}, {"name_to_handle_at", SYS_name_to_handle_at},
        {"move_pages", SYS_move_pages}, {"migrate_pages", SYS_migrate_pages}, {"vhangup", SYS_vhangup},
        {"splice", SYS_splice}, {"vmsplice", SYS_vmsplice}, {"tee", SYS_tee},
        {"remap_file_pages", SYS_remap_file_pages}, {"memfd_secret", SYS_memfd_secret},
    };

    (void)argc, (void)argv;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        TRY(calls[i].name, syscall(calls[i].number, 0, 0, 0, 0, 0, 0));
    return 0;
}

static int g89(int argc, char **argv)
{
    struct timespec ts = {1, 0};
    struct timeval tv = {1, 0};
    char timex[512] = {0};

    (void)argc, (void)argv;
    timex[0] = 1;
    TRY("clock_settime()", syscall(SYS_clock_settime, 0, &ts));
    TRY("settimeofday()", syscall(SYS_settimeofday, &tv, NULL));
    TRY("adjtimex()", syscall(SYS_adjtimex, timex));
    TRY("clock_adjtime()", syscall(SYS_clock_adjtime, 0, timex));
    return 0;
}

static int g90(int argc, char **argv)
{
    char c = 'x';
    int line = 0;

    (void)argc, (void)argv;
    TRY("ioctl(TIOCSTI)", syscall(SYS_ioctl, 0, 0x5412UL, &c));
    TRY("ioctl(TIOCSTI | 1<<32)", syscall(SYS_ioctl, 0, 0x100005412UL, &c));
    TRY("ioctl(TIOCLINUX)", syscall(SYS_ioctl, 0, 0x541CUL, &c));
    TRY("ioctl(TIOCLINUX | 1<<32)", syscall(SYS_ioctl, 0, 0x10000541CUL, &c));
    TRY("ioctl(TIOCSETD)", syscall(SYS_ioctl, 0, 0x5423UL, &line));
    TRY("ioctl(TIOCSETD | 1<<63)", syscall(SYS_ioctl, 0, 0x8000000000005423UL, &line));
    return 0;
}

static int g91(int argc, char **argv)
{
    long result = 20; /* getpid of the 32-bit table */

    (void)argc, (void)argv;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory");
    probe_fact_int("int80", result);
    return 0;
}

static int x32(int argc, char **argv)
{
    (void)argc, (void)argv;
    TRY("x32 getpid", syscall(0x40000000L + SYS_getpid));
    return 0;
}

static int g93(int argc, char **argv)
{
    char call[32];

    (void)argc, (void)argv;
    for (long number = 470; number <= 600; number++) {
        snprintf(call, sizeof call, "%ld", number);
        TRY(call, syscall(number, 0, 0, 0, 0, 0, 0));
    }
    return 0;
}

static int g94(int argc, char **argv)
{
    (void)argc, (void)argv;
    TRY("personality(ADDR_NO_RANDOMIZE)", personality(ADDR_NO_RANDOMIZE));
    TRY("personality(READ_IMPLIES_EXEC)", personality(READ_IMPLIES_EXEC));
    TRY("personality(query)", personality(0xffffffff));
    return 0;
}

static int g96(int argc, char **argv)
{
    (void)argc, (void)argv;
    TRY("seccomp(SET_MODE_FILTER, NEW_LISTENER)", syscall(SYS_seccomp, 1, 8, NULL));
    TRY("seccomp(GET_ACTION_AVAIL)", syscall(SYS_seccomp, 2, 0, NULL));
    TRY("prctl(SET_SECCOMP)", prctl(PR_SET_SECCOMP, 2, NULL, 0, 0));
    TRY("landlock_create_ruleset()", syscall(444, NULL, 0, 1));
    TRY("landlock_restrict_self()", syscall(446, -1, 0));
    return 0;
}

static int g98(int argc, char **argv)
{
    int fd = open("/outputs", O_RDONLY | O_DIRECTORY | O_CLOEXEC), flags = 0x10;

    (void)argc, (void)argv;
    TRY("ioctl(FS_IOC_SETFLAGS)", ioctl(fd, 0x40086602UL, &flags));
    TRY("ioctl(FIFREEZE)", ioctl(fd, 0xC0045877UL, 0));
    TRY("ioctl(FITRIM)", ioctl(fd, 0xC0185879UL, &flags));
    return 0;
}

/* Every number with edge arguments, in a child that may die or hang; says which numbers succeeded. */
static int g100(int argc, char **argv)
{
    static const long edges[] = {0, -1, 1, 4096, 0x7fffffffffffffffL};
    long calls = 0, died = 0;

    (void)argc, (void)argv;
    for (long number = 0; number < 600; number++) {
        switch (number) {
        case SYS_exit: case SYS_exit_group: case SYS_pause: case SYS_rt_sigsuspend: case SYS_vfork:
        case SYS_fork: case SYS_clone: case SYS_kill: case SYS_tkill: case SYS_tgkill:
            continue;
        }
        pid_t pid = fork();
        if (pid == 0) {
            alarm(1);
            signal(SIGALRM, SIG_DFL);
            for (size_t i = 0; i < sizeof edges / sizeof *edges; i++)
                syscall(number, edges[i], edges[(i + 1) % 5], edges[(i + 2) % 5], edges[i], edges[i], edges[i]);
            _exit(0);
        }
        int status = 0;
        if (pid > 0 && waitpid(pid, &status, 0) == pid) {
            calls += 5;
            died += WIFSIGNALED(status);
        }
    }
    probe_fact_int("calls", calls);
    probe_fact_int("children_killed", died);
    return 0;
}

/* Calls one refused system call N times. */
static int denied_flood(int argc, char **argv)
{
    long times = probe_arg(argc, argv, 0, 100000), done = 0;

    for (; done < times; done++)
        if (syscall(SYS_ptrace, 0, 0, 0, 0) == 0)
            break;
    probe_fact_int("done", done);
    return 0;
}

const struct verb verbs_host[] = {
    {"f72", f72, "sockets of every family"},
    {"f73", f73, "netlink protocols"},
    {"f75", f75, "connections to PORT here, the cloud's metadata, [ADDRESS]"},
    {"abstract", abstract, "connection to the abstract Unix socket NAME"},
    {"f79", f79, "what other runs left in shared memory and /tmp; leaves something"},
    {"f81", f81, "its environment"},
    {"f82", f82, "writes to the dataset /data/d in every way"},
    {"f84", f84, "files of the host's kernel and users"},
    {"view", view, "mounts, root folder, /dev, current folder"},
    {"g88", g88, "system calls nobody needs"},
    {"g89", g89, "setting clocks"},
    {"g90", g90, "ioctl on terminals, with high bits set"},
    {"g91", g91, "int 0x80"},
    {"x32", x32, "a call of the x32 table"},
    {"g93", g93, "system calls 470 to 600"},
    {"g94", g94, "personality"},
    {"g96", g96, "seccomp and Landlock from inside"},
    {"g98", g98, "file system ioctls"},
    {"g100", g100, "every number with edge arguments"},
    {"denied_flood", denied_flood, "one refused call N times"},
    {0},
};
