/*
 * filter.c - compiles rules through libseccomp, runs a program as the kernel would, compares both.
 *
 * Why a compiled program is run again in user space: a filter is the wall between a prototype and
 * the kernel, libseccomp turns chains of masked comparisons into trees, and a bug there would only
 * show the day it is used. The full comparison takes about a millisecond, as much as the compiling;
 * programs from the cache, which passed it before they were written, get a quick one.
 *
 * Shape of a program, and why it stays cheap:
 *
 *     architecture is x86-64?  no -> KILL_PROCESS
 *     number >= 0x40000000 (x32)? -> KILL_PROCESS
 *     binary search of the number (CTL_OPTIMIZE=2)
 *         plain call     -> ALLOW     looks at the number only: the kernel sees that it is constant
 *                                     and answers from a bitmap, the program is not even run
 *         with arguments -> compare, ALLOW or USER_NOTIF
 *     nothing found      -> USER_NOTIF
 */
#include "runner/filter.h"

#include "api/common/fd.h"
#include "api/common/mem.h"
#include "runner/syscalls.h"
#include <assert.h>
#include <linux/audit.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FORMAT_VERSION = 1, X32_BIT = 0x40000000 };

static_assert(FILTER_CONDS_MAX <= 6, "a call has six arguments");

uint64_t filter_fnv(const void *p, size_t len)
{
    const unsigned char *byte = p;
    uint64_t hash = 0xcbf29ce484222325U;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ byte[i]) * 0x100000001b3U;
    return hash;
}

void filter_version(struct buf *out)
{
    const struct scmp_version *v = seccomp_version();
    buf_printf(out, "libseccomp %u.%u.%u, format %d\n", v != NULL ? v->major : 0,
               v != NULL ? v->minor : 0, v != NULL ? v->micro : 0, FORMAT_VERSION);
}

void filter_fini(struct profile_filter *f)
{
    free(f->code);
    f->code = NULL;
    f->count = 0;
}

/* ---- compiling ---- */

static void ctx_release(scmp_filter_ctx *ctx)
{
    if (*ctx != NULL)
        seccomp_release(*ctx);
}

static int scmp_failed(struct err *e, int rc, const char *what)
{
    return err_set(e, E_INTERNAL, "filter", "report it with the profile", "libseccomp: %s: %s",
                   what, strerror(-rc));
}

static int add_rule(scmp_filter_ctx ctx, const struct filter_rule *r, struct err *e)
{
    struct scmp_arg_cmp cmp[FILTER_CONDS_MAX];
    for (size_t i = 0; i < r->cond_count; i++)
        cmp[i] = (struct scmp_arg_cmp){.arg = r->cond[i].index,
                                       .op = SCMP_CMP_MASKED_EQ,
                                       .datum_a = r->cond[i].mask,
                                       .datum_b = r->cond[i].value};
    uint32_t action = r->os_errno == FILTER_ALLOW ? SCMP_ACT_ALLOW
                                                  : SCMP_ACT_ERRNO((uint32_t)r->os_errno);
    int rc = seccomp_rule_add_exact_array(ctx, action, r->nr, (unsigned)r->cond_count, cmp);
    return rc == 0 ? 0 : scmp_failed(e, rc, syscalls_name(r->nr));
}

static int export(scmp_filter_ctx ctx, struct profile_filter *out, struct err *e)
{
    AUTO_FD int fd = memfd_create("enclos-filter", MFD_CLOEXEC);
    if (fd < 0)
        return err_sys(e, "filter", NULL, "cannot make a memory file for the filter");
    int rc = seccomp_export_bpf(ctx, fd);
    if (rc != 0)
        return scmp_failed(e, rc, "exporting the program");
    off_t size_bytes = lseek(fd, 0, SEEK_END);
    if (size_bytes <= 0 || size_bytes % (off_t)sizeof(struct sock_filter) != 0 ||
        size_bytes > (off_t)(BPF_MAXINSNS * sizeof(struct sock_filter)))
        return err_set(e, E_LIMIT, "filter", "fewer argument rules",
                       "the filter takes %lld bytes, at most %zu fit in the kernel",
                       (long long)size_bytes, BPF_MAXINSNS * sizeof(struct sock_filter));
    AUTO_FREE struct sock_filter *code = mem_alloc((size_t)size_bytes);
    if (pread(fd, code, (size_t)size_bytes, 0) != size_bytes)
        return err_sys(e, "filter", NULL, "cannot read the filter back");
    out->count = (unsigned short)((size_t)size_bytes / sizeof *code);
    snprintf(out->digest, sizeof out->digest, "%016llx",
             (unsigned long long)filter_fnv(code, (size_t)size_bytes));
    out->code = ptr_take(&code);
    return 0;
}

int filter_compile(const struct filter_rule *rules, size_t count, struct profile_filter *out,
                   struct err *e)
{
    __attribute__((cleanup(ctx_release))) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_NOTIFY);
    if (ctx == NULL)
        return err_set(e, E_INTERNAL, "filter", "libseccomp 2.5 or later is needed",
                       "libseccomp refuses a filter whose default is user notification");
    if (seccomp_arch_exist(ctx, SCMP_ARCH_X86_64) != 0)
        return err_set(e, E_INTERNAL, "filter", NULL, "libseccomp was built for another machine");
    int rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (rc != 0)
        return scmp_failed(e, rc, "SCMP_FLTATR_ACT_BADARCH");
    rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (rc != 0)
        return scmp_failed(e, rc, "SCMP_FLTATR_CTL_OPTIMIZE");
    for (size_t i = 0; i < count; i++)
        if (add_rule(ctx, &rules[i], e) < 0)
            return -1;
    if (export(ctx, out, e) < 0)
        return -1;
    if (filter_verify(out, rules, count, FILTER_CARE_FULL, e) < 0) {
        filter_fini(out);
        return -1;
    }
    return 0;
}

/* ---- running ---- */

/* Classic BPF as seccomp knows it (kernel/seccomp.c seccomp_check_filter): aligned 32-bit loads from
 * seccomp_data, jumps forward only. Only what libseccomp emits is known here. */
uint32_t filter_eval(const struct profile_filter *f, const struct seccomp_data *data)
{
    uint32_t a = 0;
    for (size_t pc = 0; pc < f->count; pc++) {
        const struct sock_filter *i = &f->code[pc];
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (i->k > sizeof *data - sizeof a || i->k % sizeof a != 0)
                return SECCOMP_RET_KILL_PROCESS;
            memcpy(&a, (const char *)data + i->k, sizeof a);
            break;
        case BPF_ALU | BPF_AND | BPF_K: a &= i->k; break;
        case BPF_JMP | BPF_JA:
            if (i->k >= f->count)
                return SECCOMP_RET_KILL_PROCESS;
            pc += i->k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K: pc += a == i->k ? i->jt : i->jf; break;
        case BPF_JMP | BPF_JGT | BPF_K: pc += a > i->k ? i->jt : i->jf; break;
        case BPF_JMP | BPF_JGE | BPF_K: pc += a >= i->k ? i->jt : i->jf; break;
        case BPF_JMP | BPF_JSET | BPF_K: pc += (a & i->k) != 0 ? i->jt : i->jf; break;
        case BPF_RET | BPF_K: return i->k;
        default: return SECCOMP_RET_KILL_PROCESS;
        }
    }
    return SECCOMP_RET_KILL_PROCESS;
}

/* The same walk as kernel/seccomp.c seccomp_is_const_allow: the first load of anything but number
 * and architecture ends it. */
bool filter_is_constant_allow(const struct profile_filter *f, int nr)
{
    uint32_t a = 0;
    for (size_t pc = 0; pc < f->count; pc++) {
        const struct sock_filter *i = &f->code[pc];
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
            if (i->k == offsetof(struct seccomp_data, nr))
                a = (uint32_t)nr;
            else if (i->k == offsetof(struct seccomp_data, arch))
                a = AUDIT_ARCH_X86_64;
            else
                return false;
            break;
        case BPF_ALU | BPF_AND | BPF_K: a &= i->k; break;
        case BPF_JMP | BPF_JA: pc += i->k; break;
        case BPF_JMP | BPF_JEQ | BPF_K: pc += a == i->k ? i->jt : i->jf; break;
        case BPF_JMP | BPF_JGT | BPF_K: pc += a > i->k ? i->jt : i->jf; break;
        case BPF_JMP | BPF_JGE | BPF_K: pc += a >= i->k ? i->jt : i->jf; break;
        case BPF_JMP | BPF_JSET | BPF_K: pc += (a & i->k) != 0 ? i->jt : i->jf; break;
        case BPF_RET | BPF_K: return i->k == SECCOMP_RET_ALLOW;
        default: return false;
        }
    }
    return false;
}

/* ---- comparing ---- */

static uint32_t expected(const struct filter_rule *rules, size_t first, size_t end,
                         const struct seccomp_data *data)
{
    for (size_t i = first; i < end; i++) {
        bool match = true;
        for (size_t c = 0; c < rules[i].cond_count; c++)
            match &= (data->args[rules[i].cond[c].index] & rules[i].cond[c].mask) ==
                     rules[i].cond[c].value;
        if (match)
            return rules[i].os_errno == FILTER_ALLOW
                       ? SECCOMP_RET_ALLOW
                       : SECCOMP_RET_ERRNO | (uint32_t)rules[i].os_errno;
    }
    return SECCOMP_RET_USER_NOTIF;
}

static int same(const struct profile_filter *f, const struct filter_rule *rules, size_t first,
                size_t end, const struct seccomp_data *data, struct err *e)
{
    uint32_t want = expected(rules, first, end, data);
    uint32_t got = filter_eval(f, data);
    if (got == want)
        return 0;
    return err_set(e, E_INTERNAL, syscalls_name(data->nr), "do not use it; report it",
                   "the filter answers 0x%x instead of 0x%x for %s(0x%llx, 0x%llx, 0x%llx)", got,
                   want, syscalls_name(data->nr), (unsigned long long)data->args[0],
                   (unsigned long long)data->args[1], (unsigned long long)data->args[2]);
}

/* One rule: arguments that satisfy it, the same with one condition missed by each bit of its mask,
 * and with every bit outside the masks set (the tricks with the high half of a 32-bit argument). */
static int verify_rule(const struct profile_filter *f, const struct filter_rule *rules,
                       size_t first, size_t end, const struct filter_rule *r, struct err *e)
{
    struct seccomp_data data = {.nr = r->nr, .arch = AUDIT_ARCH_X86_64};
    for (size_t c = 0; c < r->cond_count; c++)
        data.args[r->cond[c].index] = r->cond[c].value;
    if (same(f, rules, first, end, &data, e) < 0)
        return -1;
    for (size_t c = 0; c < r->cond_count; c++) {
        struct seccomp_data other = data;
        other.args[r->cond[c].index] |= ~r->cond[c].mask;
        if (same(f, rules, first, end, &other, e) < 0)
            return -1;
        for (unsigned bit = 0; bit < 64; bit++) {
            other = data;
            other.args[r->cond[c].index] ^= UINT64_C(1) << bit;
            if (same(f, rules, first, end, &other, e) < 0)
                return -1;
        }
    }
    return 0;
}

/* Programs of other machines die at the first look, whatever the number. */
static int verify_foreign(const struct profile_filter *f, int nr, struct err *e)
{
    static const uint32_t arch[] = {AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, 0};
    struct seccomp_data data = {.nr = nr | X32_BIT, .arch = AUDIT_ARCH_X86_64};
    bool killed = filter_eval(f, &data) == SECCOMP_RET_KILL_PROCESS;
    for (size_t i = 0; i < sizeof arch / sizeof arch[0]; i++) {
        data = (struct seccomp_data){.nr = nr, .arch = arch[i]};
        killed &= filter_eval(f, &data) == SECCOMP_RET_KILL_PROCESS;
    }
    return killed ? 0
                  : err_set(e, E_INTERNAL, "filter", "do not use it; report it",
                            "the filter lets number %d of another architecture live", nr);
}

int filter_verify(const struct profile_filter *f, const struct filter_rule *rules, size_t count,
                  enum filter_care care, struct err *e)
{
    size_t next = 0;
    int end = SYSCALLS_END + (care == FILTER_CARE_FULL ? 600 : 1);
    for (int nr = 0; nr < end; nr++) {
        size_t first = next;
        while (next < count && rules[next].nr == nr)
            next++;
        struct seccomp_data data = {.nr = nr, .arch = AUDIT_ARCH_X86_64};
        if (same(f, rules, first, next, &data, e) < 0)
            return -1;
        if (care == FILTER_CARE_QUICK)
            continue;
        memset(data.args, 0xff, sizeof data.args);
        if (same(f, rules, first, next, &data, e) < 0)
            return -1;
        for (size_t i = first; i < next; i++)
            if (verify_rule(f, rules, first, next, &rules[i], e) < 0)
                return -1;
        if (verify_foreign(f, nr, e) < 0)
            return -1;
    }
    if (next != count)
        return err_set(e, E_INTERNAL, "filter", NULL, "rules are not sorted by number");
    return verify_foreign(f, 0, e);
}
