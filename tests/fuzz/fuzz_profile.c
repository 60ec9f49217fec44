/*
 * fuzz_profile.c - a profile file from anywhere: accepted or refused with a place, never a crash.
 *
 * The input is the child of a small root profile, so that merging, contradictions and the compiler
 * are reached as well as the parser. What is accepted passed filter_verify by being accepted.
 */
#include "api/common/fd.h"
#include "runner/profile.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char root[] =
    "{\"version\":1,\"title\":\"t\",\"title_fr\":\"t\",\"landlock\":\"if_available\","
    "\"landlock_min_abi\":1,\"network\":\"none\",\"proc\":\"hidepid\",\"exec_memory\":true,"
    "\"env\":{\"A\":\"1\"},\"thread_env\":[\"B\"],\"syscalls\":{\"allow\":[{\"group\":\"g\","
    "\"why\":\"w\",\"names\":[\"sendmsg\",\"recvmsg\",\"read\",\"write\",\"close\",\"execve\","
    "\"exit_group\",\"exit\",\"poll\",\"rt_sigreturn\",\"flock\"]}],\"allow_if\":[{\"names\":"
    "[\"clone\"],\"why\":\"w\",\"args\":[{\"index\":0,\"op\":\"masked_eq\",\"mask\":\"0x7E020000\","
    "\"value\":0}]}],\"errno\":[{\"names\":[\"sync\"],\"errno\":\"0\",\"why\":\"w\"}],\"refuse\":"
    "[{\"names\":[\"bpf\"],\"why\":\"w\"}]}}";

static char dir[] = "/tmp/enclos-fuzz-profile-XXXXXX";

static void write_file(const char *name, const void *p, size_t len)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || fd_write_all(fd, p, len) != 0)
        abort();
    close(fd);
}

static void clean(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/x.jsonc", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/root.jsonc", dir);
    unlink(path);
    rmdir(dir);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    if (!ready) {
        if (mkdtemp(dir) == NULL)
            abort();
        atexit(clean);
        write_file("root.jsonc", root, sizeof root - 1);
        ready = true;
    }
    write_file("x.jsonc", data, size);
    struct err e = {0};
    struct profile *p = NULL;
    if (profile_load(dir, "x", -1, &p, &e) < 0) {
        /* Our own fault is never the answer to bytes from outside. */
        if (e.kind == E_NONE || e.kind == E_INTERNAL || e.message[0] == '\0')
            abort();
        return 0;
    }
    char detail[64];
    const uint64_t args[6] = {0};
    for (int nr = 0; nr < 64; nr++)
        (void)profile_refusal(p, nr, args, detail, sizeof detail);
    profile_free(p);
    return 0;
}
