/*
 * syscalls_hints.c - why a call is refused, in words of someone who trains models, not kernels.
 *
 * One line a call, English and French. A hint says what the call was for, what happens now, and what
 * to do, if anything. Calls that share a reason share a text.
 */
#include "runner/syscalls.h"

#include <asm/unistd.h>
#include <stddef.h>

struct hint {
    const char *en;
    const char *fr;
};

static const struct hint
    ns = {"a program tried to make a namespace of its own, as containers do; inside the lab none "
          "can "
          "be nested: run it without its own sandbox (Chrome: --no-sandbox)",
          "un programme a voulu créer son propre espace de noms, comme un conteneur; dans le "
          "laboratoire aucun ne peut être imbriqué : lancez-le sans son bac à sable (Chrome : "
          "--no-sandbox)"},
    mount = {"mounting and unmounting are closed: datasets are in /data, results go to /outputs",
             "monter et démonter des systèmes de fichiers est fermé : les données sont dans /data, "
             "les résultats vont dans /outputs"},
    debug = {"debuggers and tracers are closed: one process could read another's memory. Debug "
             "outside the lab, or print to the log",
             "les débogueurs et traceurs sont fermés : un processus pourrait lire la mémoire d’un "
             "autre. Déboguez hors du laboratoire, ou écrivez dans le journal"},
    peek = {"copying directly between the memories of two processes is closed; MPI, UCX and NCCL "
            "fall back to shared memory by themselves; nothing to do",
            "la copie directe entre les mémoires de deux processus est fermée; MPI, UCX et NCCL "
            "passent d’eux-mêmes par la mémoire partagée; rien à faire"},
    uring = {"a faster way to read files; libuv, tokio and Node fall back to epoll by themselves; "
             "nothing to do",
             "une façon plus rapide de lire des fichiers; libuv, tokio et Node reviennent "
             "d’eux-mêmes à epoll; rien à faire"},
    aio =
        {"old asynchronous file access; libraries fall back to plain reads. DeepSpeed: turn NVMe "
         "offload off",
         "ancien accès asynchrone aux fichiers; les bibliothèques reviennent à la lecture simple. "
         "DeepSpeed : désactivez le délestage NVMe"},
    watch = {"watching folders for changes is closed, since it would show what other runs do; "
             "TensorBoard, Jupyter and reloaders poll instead; nothing to do",
             "surveiller des dossiers est fermé, car cela montrerait ce que font d’autres "
             "exécutions; TensorBoard et Jupyter vérifient périodiquement; rien à faire"},
    splice = {"moving data between files without copying; programs fall back to plain copies; "
              "nothing to do",
              "déplacer des données entre fichiers sans copie; les programmes reviennent à la "
              "copie simple; rien à faire"},
    ids =
        {"a program tried to become another user; a run has one user, without rights over others. "
         "Start it without su, sudo or a service account",
         "un programme a voulu devenir un autre utilisateur; une exécution n’en a qu’un, sans "
         "droit sur les autres. Lancez-le sans su, sudo ni compte de service"},
    rights = {"a program tried to change its rights; a run has none to change",
              "un programme a voulu changer ses droits; une exécution n’en a aucun à changer"},
    numa =
        {"placing memory on a given processor socket; the libraries go on without it (vLLM, NumPy "
         "print a warning at most); nothing to do",
         "placer la mémoire près d’un processeur donné; les bibliothèques continuent sans (vLLM "
         "et NumPy affichent au plus un avertissement); rien à faire"},
    clock = {"setting the machine's clock is closed; reading it works. For a fixed date in a "
             "program, use its own settings or a library such as freezegun",
             "régler l’horloge de la machine est fermé; la lire est permis. Pour une date fixe, "
             "utilisez les réglages du programme ou une bibliothèque comme freezegun"},
    kernel = {"only a machine's administrator does this; no prototype needs it",
              "seul l’administrateur d’une machine fait cela; aucun prototype n’en a besoin"},
    keys =
        {"the kernel's store of keys is shared between runs, so it is closed; pass secrets as "
         "files of a dataset",
         "le trousseau du noyau est commun aux exécutions, il est donc fermé; passez les secrets "
         "dans un jeu de données"},
    queues = {"System V and POSIX message queues are closed; use multiprocessing.Queue, pipes or "
              "files",
              "les files de messages System V et POSIX sont fermées; utilisez "
              "multiprocessing.Queue, des tubes ou des fichiers"},
    sandbox = {"a program tried to start its own sandbox; the lab's is already there. Chrome and "
               "kaleido: add --no-sandbox",
               "un programme a voulu lancer son propre bac à sable; celui du laboratoire est déjà "
               "là. Chrome et kaleido : ajoutez --no-sandbox"},
    xattr =
        {"extra attributes of files are not kept; shutil.copy2 and rsync copy the content all "
         "the same; nothing to do",
         "les attributs étendus des fichiers ne sont pas gardés; shutil.copy2 et rsync copient "
         "quand même le contenu; rien à faire"},
    ipc = {"System V shared memory and semaphores are closed in this profile; use "
           "multiprocessing.shared_memory, or another profile",
           "la mémoire partagée et les sémaphores System V sont fermés dans ce profil; utilisez "
           "multiprocessing.shared_memory, ou un autre profil"},
    net = {"the lab has no network: what the program needs must be in its environment, its code "
           "folder or a dataset. Downloads at start (models, packages) must be made beforehand",
           "le laboratoire n’a pas de réseau : ce qu’il faut au programme doit être dans son "
           "environnement, son dossier de code ou un jeu de données. Les téléchargements (modèles, "
           "paquets) se font avant"},
    device =
        {"an unusual command to a device or file; programs that only ask (isatty, sizes) go on; "
         "if yours stops here, it expects hardware that the lab does not give",
         "une commande inhabituelle à un appareil ou à un fichier; les programmes qui ne font "
         "que demander continuent; si le vôtre s’arrête ici, il attend un matériel que le "
         "laboratoire ne donne pas"},
    young = {"newer than what programs count on; they fall back by themselves; nothing to do",
             "plus récent que ce sur quoi les programmes comptent; ils s’en passent d’eux-mêmes; "
             "rien à faire"};

static const struct hint clone_hint = {
    "threads and processes work; this one asked for a namespace of its own, as containers do, and "
    "none can be nested inside the lab",
    "les fils et processus fonctionnent; celui-ci demandait son propre espace de noms, comme un "
    "conteneur, et aucun ne peut être imbriqué dans le laboratoire"};
static const struct hint prctl_hint = {
    "a setting of the process that the lab keeps for itself; libraries that try it go on without",
    "un réglage du processus que le laboratoire garde pour lui; les bibliothèques qui l’essaient "
    "continuent sans"};
static const struct hint fcntl_hint = {
    "watching, leasing or signalling through a shared file is closed, and in profile strict "
    "locking "
    "too (SQLite: open with nolock=1); ordinary descriptor flags work",
    "surveiller, réserver ou signaler par un fichier partagé est fermé, et verrouiller aussi dans "
    "le "
    "profil strict (SQLite : nolock=1); les indicateurs ordinaires fonctionnent"};
static const struct hint flock_hint = {
    "file locks are closed in this profile, since two runs could talk through them; SQLite: open "
    "with nolock=1, HDF5: HDF5_USE_FILE_LOCKING=FALSE, or use profile python",
    "les verrous de fichiers sont fermés dans ce profil, car deux exécutions pourraient "
    "communiquer; SQLite : nolock=1, HDF5 : HDF5_USE_FILE_LOCKING=FALSE, ou le profil python"};
static const struct hint perf_hint = {"the kernel's profiler is closed; use a profiler inside the "
                                      "language (cProfile, torch.profiler, "
                                      "Rprof)",
                                      "le profileur du noyau est fermé; utilisez celui du langage "
                                      "(cProfile, torch.profiler, Rprof)"};
static const struct hint uffd_hint = {
    "a memory trick of virtual machines and some garbage collectors; they fall back by themselves",
    "une technique mémoire de machines virtuelles et de certains ramasse-miettes; ils s’en "
    "passent "
    "d’eux-mêmes"};
static const struct hint persona_hint = {
    "turning off the random layout of memory is closed; debuggers want it, programs do not need it",
    "désactiver la disposition aléatoire de la mémoire est fermé; seuls les débogueurs le "
    "veulent"};
static const struct hint mknod_hint = {
    "device files cannot be made; /dev/null, zero, full, random and urandom are there",
    "on ne peut pas créer de fichiers de périphérique; /dev/null, zero, full, random et urandom "
    "sont là"};
static const struct hint host_hint = {"the name of the machine is the lab's to set",
                                      "le nom de la machine est fixé par le laboratoire"};
static const struct hint chroot_hint = {
    "a program tried to change what / is; a run has one root, made for it",
    "un programme a voulu changer la racine /; une exécution en a une seule, faite pour elle"};
static const struct hint syslog_hint = {"the kernel's messages tell about other users; closed",
                                        "les messages du noyau renseignent sur d’autres "
                                        "utilisateurs; fermé"};
static const struct hint priority_hint = {
    "the share of disk and CPU is set by the run's limits; the program goes on as it is",
    "la part de disque et de processeur est fixée par les limites de l’exécution; le programme "
    "continue tel quel"};
static const struct hint handle_hint = {
    "opening files by number instead of by name is closed; backup tools use it, prototypes do not",
    "ouvrir des fichiers par numéro plutôt que par nom est fermé; cela sert aux sauvegardes"};
static const struct hint secret_hint = {
    "memory hidden from the kernel cannot be counted against the run's limit; libraries fall back "
    "to "
    "plain memory",
    "une mémoire cachée au noyau ne peut être comptée dans la limite; les bibliothèques utilisent "
    "la mémoire ordinaire"};
static const struct hint lock_hint = {
    "pinning memory is closed in this profile; libraries go on with plain memory",
    "verrouiller la mémoire est fermé dans ce profil; les bibliothèques continuent sans"};
static const struct hint mincore_hint = {
    "asking which parts of a file are in memory is closed in this profile; nothing depends on it",
    "demander quelles parties d’un fichier sont en mémoire est fermé dans ce profil; rien n’en "
    "dépend"};
static const struct hint exec_hint = {
    "this profile runs one program and starts no other, so that nothing hidden in the data can; use profile "
    "python, r or base for a program that calls others",
    "ce profil exécute un seul programme et n’en lance aucun autre, pour que rien de caché dans les données ne le "
    "puisse; prenez le profil python, r ou base pour un programme qui en appelle d’autres"};
static const struct hint wx_hint = {
    "memory that was written may not be run in this profile; Numba, PyTorch's compilers and ctypes callbacks need "
    "that: use profile python",
    "dans ce profil, une mémoire écrite ne peut pas être exécutée; Numba, les compilateurs de PyTorch et les rappels "
    "de ctypes en ont besoin : prenez le profil python"};
static const struct hint sockopt_hint = {
    "an option of a socket that the lab does not offer; libraries that try it go on without; nothing to do",
    "une option de connexion que le laboratoire n’offre pas; les bibliothèques qui l’essaient continuent sans; rien "
    "à faire"};
static const struct hint gone_hint = {
    "a call of another age, which no current program needs; if yours stops here, it is very old",
    "un appel d’un autre âge, dont aucun programme actuel n’a besoin; si le vôtre s’arrête ici, il est très ancien"};
static const struct hint realtime_hint = {
    "how a process is scheduled is set by the run's limits in this profile; the program goes on as it is",
    "l’ordonnancement d’un processus est fixé par les limites de l’exécution dans ce profil; le programme continue "
    "tel quel"};
static const struct hint queue_signal_hint = {
    "signals with a value are closed in this profile; ordinary ones work",
    "les signaux porteurs d’une valeur sont fermés dans ce profil; les signaux ordinaires fonctionnent"};
static const struct hint madvise_hint = {
    "advising on another process's memory is closed; nothing to do",
    "conseiller la mémoire d’un autre processus est fermé; rien à faire"};

static const struct hint *const hints[SYSCALLS_END] = {
    [__NR_clone] = &clone_hint,
    [__NR_unshare] = &ns,
    [__NR_setns] = &ns,
    [__NR_mount] = &mount,
    [__NR_umount2] = &mount,
    [__NR_open_tree] = &mount,
    [__NR_move_mount] = &mount,
    [__NR_fsopen] = &mount,
    [__NR_fsconfig] = &mount,
    [__NR_fsmount] = &mount,
    [__NR_fspick] = &mount,
    [__NR_mount_setattr] = &mount,
    [__NR_pivot_root] = &chroot_hint,
    [__NR_chroot] = &chroot_hint,
    [__NR_ptrace] = &debug,
    [__NR_kcmp] = &debug,
    [__NR_pidfd_getfd] = &debug,
    [__NR_process_vm_readv] = &peek,
    [__NR_process_vm_writev] = &peek,
    [__NR_process_madvise] = &madvise_hint,
    [__NR_process_mrelease] = &madvise_hint,
    [__NR_io_uring_setup] = &uring,
    [__NR_io_uring_enter] = &uring,
    [__NR_io_uring_register] = &uring,
    [__NR_io_setup] = &aio,
    [__NR_io_destroy] = &aio,
    [__NR_io_submit] = &aio,
    [__NR_io_cancel] = &aio,
    [__NR_io_getevents] = &aio,
    [__NR_io_pgetevents] = &aio,
    [__NR_inotify_init] = &watch,
    [__NR_inotify_init1] = &watch,
    [__NR_inotify_add_watch] = &watch,
    [__NR_inotify_rm_watch] = &watch,
    [__NR_fanotify_init] = &watch,
    [__NR_fanotify_mark] = &watch,
    [__NR_splice] = &splice,
    [__NR_tee] = &splice,
    [__NR_vmsplice] = &splice,
    [__NR_setuid] = &ids,
    [__NR_setgid] = &ids,
    [__NR_setreuid] = &ids,
    [__NR_setregid] = &ids,
    [__NR_setresuid] = &ids,
    [__NR_setresgid] = &ids,
    [__NR_setfsuid] = &ids,
    [__NR_setfsgid] = &ids,
    [__NR_setgroups] = &ids,
    [__NR_capset] = &rights,
    [__NR_mbind] = &numa,
    [__NR_set_mempolicy] = &numa,
    [__NR_migrate_pages] = &numa,
    [__NR_move_pages] = &numa,
    [__NR_set_mempolicy_home_node] = &numa,
    [__NR_settimeofday] = &clock,
    [__NR_clock_settime] = &clock,
    [__NR_adjtimex] = &clock,
    [__NR_clock_adjtime] = &clock,
    [__NR_bpf] = &kernel,
    [__NR_init_module] = &kernel,
    [__NR_finit_module] = &kernel,
    [__NR_delete_module] = &kernel,
    [__NR_kexec_load] = &kernel,
    [__NR_kexec_file_load] = &kernel,
    [__NR_reboot] = &kernel,
    [__NR_swapon] = &kernel,
    [__NR_swapoff] = &kernel,
    [__NR_acct] = &kernel,
    [__NR_iopl] = &kernel,
    [__NR_ioperm] = &kernel,
    [__NR_quotactl] = &kernel,
    [__NR_quotactl_fd] = &kernel,
    [__NR_vhangup] = &kernel,
    [__NR_lookup_dcookie] = &kernel,
    [__NR_keyctl] = &keys,
    [__NR_add_key] = &keys,
    [__NR_request_key] = &keys,
    [__NR_msgget] = &queues,
    [__NR_msgsnd] = &queues,
    [__NR_msgrcv] = &queues,
    [__NR_msgctl] = &queues,
    [__NR_mq_open] = &queues,
    [__NR_mq_unlink] = &queues,
    [__NR_mq_timedsend] = &queues,
    [__NR_mq_timedreceive] = &queues,
    [__NR_mq_notify] = &queues,
    [__NR_mq_getsetattr] = &queues,
    [__NR_seccomp] = &sandbox,
    [__NR_landlock_create_ruleset] = &sandbox,
    [__NR_landlock_add_rule] = &sandbox,
    [__NR_landlock_restrict_self] = &sandbox,
    [__NR_setxattr] = &xattr,
    [__NR_lsetxattr] = &xattr,
    [__NR_fsetxattr] = &xattr,
    [__NR_removexattr] = &xattr,
    [__NR_lremovexattr] = &xattr,
    [__NR_fremovexattr] = &xattr,
    [__NR_shmget] = &ipc,
    [__NR_shmat] = &ipc,
    [__NR_shmctl] = &ipc,
    [__NR_semget] = &ipc,
    [__NR_semop] = &ipc,
    [__NR_semtimedop] = &ipc,
    [__NR_semctl] = &ipc,
    [__NR_socket] = &net,
    [__NR_socketpair] = &net,
    [__NR_connect] = &net,
    [__NR_bind] = &net,
    [__NR_listen] = &net,
    [__NR_accept] = &net,
    [__NR_accept4] = &net,
    [__NR_ioctl] = &device,
    [__NR_prctl] = &prctl_hint,
    [__NR_fcntl] = &fcntl_hint,
    [__NR_flock] = &flock_hint,
    [__NR_perf_event_open] = &perf_hint,
    [__NR_userfaultfd] = &uffd_hint,
    [__NR_personality] = &persona_hint,
    [__NR_mknod] = &mknod_hint,
    [__NR_mknodat] = &mknod_hint,
    [__NR_sethostname] = &host_hint,
    [__NR_setdomainname] = &host_hint,
    [__NR_syslog] = &syslog_hint,
    [__NR_ioprio_set] = &priority_hint,
    [__NR_name_to_handle_at] = &handle_hint,
    [__NR_open_by_handle_at] = &handle_hint,
    [__NR_memfd_secret] = &secret_hint,
    [__NR_mlock] = &lock_hint,
    [__NR_mlock2] = &lock_hint,
    [__NR_mlockall] = &lock_hint,
    [__NR_mincore] = &mincore_hint,
    [__NR_execve] = &exec_hint,
    [__NR_execveat] = &exec_hint,
    [__NR_mmap] = &wx_hint,
    [__NR_mprotect] = &wx_hint,
    [__NR_pkey_mprotect] = &wx_hint,
    [__NR_memfd_create] = &wx_hint,
    [__NR_shmdt] = &ipc,
    [__NR_setsockopt] = &sockopt_hint,
    [__NR_rt_sigqueueinfo] = &queue_signal_hint,
    [__NR_rt_tgsigqueueinfo] = &queue_signal_hint,
    [__NR_sched_setattr] = &realtime_hint,
    [__NR_sched_setparam] = &realtime_hint,
    [__NR_sched_setscheduler] = &realtime_hint,
    [__NR_modify_ldt] = &gone_hint,
    [__NR_remap_file_pages] = &gone_hint,
    [__NR_uselib] = &gone_hint,
    [__NR__sysctl] = &gone_hint,
    [__NR_create_module] = &gone_hint,
    [__NR_get_kernel_syms] = &gone_hint,
    [__NR_query_module] = &gone_hint,
    [__NR_nfsservctl] = &gone_hint,
    [__NR_getpmsg] = &gone_hint,
    [__NR_putpmsg] = &gone_hint,
    [__NR_afs_syscall] = &gone_hint,
    [__NR_tuxcall] = &gone_hint,
    [__NR_security] = &gone_hint,
    [__NR_vserver] = &gone_hint,
    [__NR_epoll_ctl_old] = &gone_hint,
    [__NR_epoll_wait_old] = &gone_hint,
    [__NR_get_thread_area] = &gone_hint,
    [__NR_set_thread_area] = &gone_hint,
    [__NR_ustat] = &gone_hint,
    [__NR_sysfs] = &gone_hint,
    [335] = &debug, /* uretprobe, uprobe: made by the kernel's own probes */
    [336] = &debug,
    [__NR_clone3] = &young,
};

static const struct hint *find(int nr)
{
    if (nr >= 0 && nr < SYSCALLS_END && hints[nr] != NULL)
        return hints[nr];
    return nr >= SYSCALLS_YOUNG ? &young : NULL;
}

const char *syscalls_hint(int nr)
{
    const struct hint *h = find(nr);
    return h != NULL ? h->en : "";
}

const char *syscalls_hint_fr(int nr)
{
    const struct hint *h = find(nr);
    return h != NULL ? h->fr : "";
}
