/*
 * syscalls_risk.c - what allowing a call gives away, in words: for `profile learn`, which marks these, and for the test that
 * asks of each shipped profile whether something needs them. A call that is not here is ordinary.
 */
#include "runner/syscalls.h"

#include <asm/unistd.h>
#include <stddef.h>

static const struct risk {
    const char *en, *fr;
} channel = {"two runs that read the same dataset can talk to each other through it",
             "deux exécutions qui lisent le même jeu de données peuvent communiquer par lui"},
  code = {"code that arrives as data (downloaded, decoded, hidden in a file) can then be run",
          "du code arrivé comme donnée (téléchargé, décodé, caché dans un fichier) peut alors être "
          "exécuté"},
  starts = {"what is hidden in the data can then start other programs",
            "ce qui se cache dans les données peut alors lancer d’autres programmes"},
  peek = {"one process can then read and change another's memory, and so take over what that one "
          "may do",
          "un processus peut alors lire et changer la mémoire d’un autre, et donc s’emparer de ses "
          "droits"},
  pages = {"it writes into pages of files that others read (Dirty Pipe, CVE-2022-0847; Copy Fail, "
           "CVE-2026-31431)",
           "il écrit dans des pages de fichiers que d’autres lisent (Dirty Pipe, CVE-2022-0847; "
           "Copy Fail, CVE-2026-31431)"},
  ring = {"calls made through it pass no filter, and it has had many holes",
          "les appels faits par lui ne passent par aucun filtre, et il a eu beaucoup de failles"},
  nested =
      {"it opens code of the kernel that was written for administrators, where most escapes begin",
       "il ouvre du code du noyau écrit pour les administrateurs, d’où partent la plupart des "
       "évasions"},
  admin = {"it is a machine administrator's: with it the sandbox is none",
           "il revient à l’administrateur d’une machine : avec lui, il n’y a plus de bac à sable"},
  keys = {"keys of the kernel are shared between runs",
          "les clés du noyau sont communes aux exécutions"},
  watch = {"it shows what other runs read", "il montre ce que lisent d’autres exécutions"},
  timing = {"it measures the machine so finely that secrets of other runs leak",
            "il mesure la machine si finement que des secrets d’autres exécutions filtrent"},
  faults =
      {"it stops the kernel half-way through its work, which most attacks on it need",
       "il arrête le noyau au milieu de son travail, ce dont ont besoin la plupart des attaques"},
  memory = {"it uses memory of the kernel that is outside the run's account",
            "il prend de la mémoire du noyau hors du compte de l’exécution"},
  network = {"it opens a protocol of the kernel: only with an empty network, and only the families "
             "that are needed",
             "il ouvre un protocole du noyau : seulement avec un réseau vide, et les seules "
             "familles utiles"};

static const struct risk *const risks[SYSCALLS_END] = {
    [__NR_flock] = &channel,
    [__NR_mincore] = &watch,
    [__NR_mmap] = &code,
    [__NR_mprotect] = &code,
    [__NR_pkey_mprotect] = &code,
    [__NR_memfd_create] = &code,
    [__NR_personality] = &code,
    [__NR_execve] = &starts,
    [__NR_execveat] = &starts,
    [__NR_ptrace] = &peek,
    [__NR_process_vm_readv] = &peek,
    [__NR_process_vm_writev] = &peek,
    [__NR_pidfd_getfd] = &peek,
    [__NR_kcmp] = &peek,
    [__NR_splice] = &pages,
    [__NR_tee] = &pages,
    [__NR_vmsplice] = &pages,
    [__NR_io_uring_setup] = &ring,
    [__NR_io_uring_enter] = &ring,
    [__NR_io_uring_register] = &ring,
    [__NR_io_setup] = &memory,
    [__NR_io_submit] = &memory,
    [__NR_msgget] = &memory,
    [__NR_mq_open] = &memory,
    [__NR_shmget] = &memory,
    [__NR_semget] = &memory,
    [__NR_unshare] = &nested,
    [__NR_setns] = &nested,
    [__NR_clone] = &nested,
    [__NR_clone3] = &nested,
    [__NR_mount] = &admin,
    [__NR_umount2] = &admin,
    [__NR_pivot_root] = &admin,
    [__NR_chroot] = &admin,
    [__NR_bpf] = &admin,
    [__NR_kexec_load] = &admin,
    [__NR_init_module] = &admin,
    [__NR_finit_module] = &admin,
    [__NR_setuid] = &admin,
    [__NR_setresuid] = &admin,
    [__NR_setgroups] = &admin,
    [__NR_capset] = &admin,
    [__NR_keyctl] = &keys,
    [__NR_add_key] = &keys,
    [__NR_request_key] = &keys,
    [__NR_inotify_init] = &watch,
    [__NR_inotify_init1] = &watch,
    [__NR_inotify_add_watch] = &watch,
    [__NR_fanotify_init] = &watch,
    [__NR_perf_event_open] = &timing,
    [__NR_userfaultfd] = &faults,
    [__NR_socket] = &network,
};

static const struct risk *find(int nr)
{
    return nr >= 0 && nr < SYSCALLS_END ? risks[nr] : NULL;
}

const char *syscalls_risk(int nr)
{
    return find(nr) != NULL ? find(nr)->en : "";
}

const char *syscalls_risk_fr(int nr)
{
    return find(nr) != NULL ? find(nr)->fr : "";
}
