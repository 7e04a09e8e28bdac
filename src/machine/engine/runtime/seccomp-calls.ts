/**
 * The system calls of the default seccomp profile, by name: data, nothing else. What may be called is what the
 * field's containers count on; what only makes sense with a capability comes with that capability.
 */

function names(...lines: readonly string[]): readonly string[] {
  return lines.join(' ').split(' ');
}

/** Every container may call these. */
export const ALLOWED_CALLS: readonly string[] = names(
  // Files: opening, reading, writing
  'open openat openat2 creat close close_range dup dup2 dup3 fcntl fcntl64 flock lseek _llseek read readv pread64',
  'preadv preadv2 write writev pwrite64 pwritev pwritev2 readahead copy_file_range sendfile sendfile64 splice tee',
  'vmsplice sync syncfs fsync fdatasync sync_file_range sync_file_range2 truncate truncate64 ftruncate ftruncate64',
  'fallocate fadvise64 fadvise64_64 ioctl pipe pipe2 memfd_create memfd_secret cachestat',
  // Files: names, folders, attributes
  'access faccessat faccessat2 stat stat64 lstat lstat64 fstat fstat64 fstatat64 newfstatat statx statfs statfs64',
  'fstatfs fstatfs64 chdir fchdir getcwd mkdir mkdirat rmdir mknod mknodat link linkat symlink symlinkat readlink',
  'readlinkat unlink unlinkat rename renameat renameat2 getdents getdents64 chmod fchmod fchmodat fchmodat2 chown',
  'chown32 fchown fchown32 lchown lchown32 fchownat umask utime utimes utimensat utimensat_time64 futimesat',
  'getxattr lgetxattr fgetxattr getxattrat listxattr llistxattr flistxattr listxattrat setxattr lsetxattr fsetxattr',
  'setxattrat removexattr lremovexattr fremovexattr removexattrat name_to_handle_at',
  // Waiting and being told
  'select _newselect pselect6 pselect6_time64 poll ppoll ppoll_time64 epoll_create epoll_create1 epoll_ctl',
  'epoll_ctl_old epoll_wait epoll_wait_old epoll_pwait epoll_pwait2 eventfd eventfd2 signalfd signalfd4',
  'inotify_init inotify_init1 inotify_add_watch inotify_rm_watch fanotify_mark',
  'io_setup io_destroy io_submit io_cancel io_getevents io_pgetevents io_pgetevents_time64',
  // Memory
  'brk mmap mmap2 munmap mremap mprotect madvise mincore msync mlock mlock2 mlockall munlock munlockall mseal',
  'remap_file_pages membarrier pkey_alloc pkey_free pkey_mprotect map_shadow_stack process_mrelease',
  // Processes and threads
  'fork vfork execve execveat exit exit_group wait4 waitid waitpid kill tkill tgkill getpid getppid gettid getpgid',
  'getpgrp getsid setpgid setsid getpriority setpriority ioprio_get ioprio_set getrlimit ugetrlimit setrlimit',
  'prlimit64 getrusage times prctl seccomp set_tid_address set_robust_list get_robust_list rseq restart_syscall',
  'futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue get_thread_area set_thread_area getcpu',
  'sched_yield sched_getaffinity sched_setaffinity sched_getattr sched_setattr sched_getparam sched_setparam',
  'sched_getscheduler sched_setscheduler sched_get_priority_max sched_get_priority_min sched_rr_get_interval',
  'sched_rr_get_interval_time64 pidfd_open pidfd_send_signal ptrace process_vm_readv process_vm_writev',
  'landlock_create_ruleset landlock_add_rule landlock_restrict_self',
  // Who one is
  'getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid getresuid32 getresgid getresgid32',
  'getgroups getgroups32 setuid setuid32 setgid setgid32 setreuid setreuid32 setregid setregid32 setresuid',
  'setresuid32 setresgid setresgid32 setfsuid setfsuid32 setfsgid setfsgid32 setgroups setgroups32 capget capset',
  // Signals
  'rt_sigaction rt_sigprocmask rt_sigpending rt_sigqueueinfo rt_tgsigqueueinfo rt_sigreturn rt_sigsuspend',
  'rt_sigtimedwait rt_sigtimedwait_time64 sigaltstack sigprocmask sigreturn sigaction sigpending sigsuspend signal',
  'pause alarm',
  // Time
  'time gettimeofday clock_gettime clock_gettime64 clock_getres clock_getres_time64 clock_nanosleep',
  'clock_nanosleep_time64 nanosleep getitimer setitimer timer_create timer_delete timer_getoverrun timer_gettime',
  'timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64 timerfd_settime',
  'timerfd_settime64 adjtimex clock_adjtime clock_adjtime64',
  // Sockets
  'socketcall socketpair bind listen accept accept4 connect shutdown getsockname getpeername getsockopt setsockopt',
  'send sendto sendmsg sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64',
  // System V and POSIX interprocess communication
  'ipc shmget shmat shmdt shmctl semget semop semctl semtimedop semtimedop_time64 msgget msgsnd msgrcv msgctl',
  'mq_open mq_unlink mq_timedsend mq_timedsend_time64 mq_timedreceive mq_timedreceive_time64 mq_notify',
  'mq_getsetattr',
  // The system
  'uname sysinfo getrandom',
);

/** Calls of one architecture, and of the 32-bit one that it runs as well. */
export const ARCHITECTURE_CALLS: Readonly<Record<string, readonly string[]>> = {
  amd64: names('arch_prctl modify_ldt uretprobe'),
  arm64: names('arm_fadvise64_64 arm_sync_file_range breakpoint cacheflush set_tls'),
};

/** What a capability is good for: the calls that come with it. */
export const CAPABILITY_CALLS: Readonly<Record<string, readonly string[]>> = {
  CAP_DAC_READ_SEARCH: names('open_by_handle_at'),
  CAP_SYS_ADMIN: names(
    'clone clone3 unshare setns mount umount umount2 mount_setattr move_mount open_tree fsopen fsconfig fsmount',
    'fspick statmount listmount sethostname setdomainname syslog quotactl quotactl_fd bpf perf_event_open',
    'fanotify_init lookup_dcookie',
  ),
  CAP_SYS_BOOT: names('reboot'),
  CAP_SYS_CHROOT: names('chroot'),
  CAP_SYS_MODULE: names('init_module finit_module delete_module'),
  CAP_SYS_PACCT: names('acct'),
  CAP_SYS_PTRACE: names('kcmp pidfd_getfd process_madvise'),
  CAP_SYS_RAWIO: names('iopl ioperm'),
  CAP_SYS_TIME: names('settimeofday stime clock_settime clock_settime64'),
  CAP_SYS_TTY_CONFIG: names('vhangup'),
  CAP_SYS_NICE: names('get_mempolicy mbind set_mempolicy set_mempolicy_home_node'),
  CAP_SYSLOG: names('syslog'),
  CAP_BPF: names('bpf'),
  CAP_PERFMON: names('perf_event_open'),
};

/**
 * Nobody may call these, whatever the capabilities. They are named so that they answer "not permitted"; a call
 * that is not known here answers "not implemented", and a program written for a newer kernel helps itself.
 */
export const DENIED_CALLS: readonly string[] = names(
  'add_key request_key keyctl io_uring_setup io_uring_enter io_uring_register userfaultfd kexec_load',
  'kexec_file_load pivot_root swapon swapoff move_pages migrate_pages create_module query_module get_kernel_syms',
  'nfsservctl sysfs _sysctl ustat uselib vm86 vm86old vserver afs_syscall tuxcall getpmsg putpmsg security',
);
