"""Shutting one process away from its siblings: namespaces, mounts, limits, capabilities and a system-call filter.

Runs inside the sandbox, in the freshly forked child that is about to run a student's notebook. The fork gives it numpy
and torch for nothing; what is done here makes sure that it can reach neither the process it was forked from nor
anything the next submission will see.
"""

import ctypes
import os
import platform
import resource
import signal
import struct

_NEW_USER = 0x10000000
_NEW_ALL = _NEW_USER | 0x00020000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000  # mounts, uts, ipc, pid, net
_MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_REC, _MS_PRIVATE = 2, 4, 8, 0x4000, 1 << 18
_PDEATHSIG, _DUMPABLE, _SECCOMP, _BOUNDING_DROP, _NO_NEW_PRIVS = 1, 4, 22, 24, 38

# No notebook needs these calls; they reach for other processes, hidden memory, more of the kernel: (x86_64, aarch64).
_DENIED = {
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "unshare": (272, 97),
    "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "chroot": (161, 51),
    "bpf": (321, 280), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "userfaultfd": (323, 282), "perf_event_open": (298, 241), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "io_uring_setup": (425, 425), "shmget": (29, 194), "msgget": (68, 186), "semget": (64, 190), "mq_open": (240, 180),
    "kexec_load": (246, 104), "init_module": (175, 105), "finit_module": (313, 273), "open_by_handle_at": (304, 265),
    "fsopen": (430, 430), "fsmount": (432, 432), "open_tree": (428, 428), "move_mount": (429, 429),
    "mount_setattr": (442, 442), "name_to_handle_at": (303, 264), "kcmp": (312, 272), "pidfd_getfd": (438, 438),
    "personality": (135, 92), "quotactl": (179, 60), "swapon": (167, 224), "acct": (163, 89),
}  # fmt: skip
_CLONE, _CLONE3 = (56, 220), (435, 435)
_AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_EPERM, _ENOSYS = 1, 38

libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def die_with_parent() -> None:
    """Ask the kernel to kill this process as soon as its parent is gone."""
    _check(libc.prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "PR_SET_PDEATHSIG")


def hide() -> None:
    """Make this process's memory unreadable for others of the same user."""
    _check(libc.prctl(_DUMPABLE, 0, 0, 0, 0), "PR_SET_DUMPABLE")


def new_namespaces() -> None:
    """Leave the zygote's namespaces for fresh ones; the next child is process 1 of its own tree."""
    uid, gid = os.getuid(), os.getgid()
    _check(libc.prctl(_DUMPABLE, 1, 0, 0, 0), "PR_SET_DUMPABLE")  # or /proc/self/uid_map is not ours to write
    _check(libc.unshare(_NEW_ALL), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def fresh_mounts(scratch_mb: int) -> None:
    """Cover everything writable, and the list of processes, by empty file systems that die with this process."""
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    size = f"size={scratch_mb}m,nr_inodes=8192,mode=1777"
    _mount("tmpfs", "/tmp", "tmpfs", _MS_NOSUID | _MS_NODEV, size)
    _mount("tmpfs", "/dev/shm", "tmpfs", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, size)
    _mount("tmpfs", "/proc", "tmpfs", _MS_NOSUID | _MS_NODEV | _MS_NOEXEC, "size=4k,nr_inodes=2,mode=0555")


def _mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    arguments = (source.encode(), target.encode(), kind and kind.encode(), ctypes.c_ulong(flags), options.encode())
    _check(libc.mount(*arguments), f"mount {target}")


def set_limits(settings: dict) -> None:
    """Limit this process and its children: memory beyond what is mapped already, processes and threads, files, time."""
    with open("/proc/self/statm") as file:
        mapped = int(file.read().split()[0]) * resource.getpagesize()
    limits = {
        resource.RLIMIT_AS: mapped
        + (settings["memory_mb"] << 20),  # torch's libraries are mapped, not used: they must not count
        resource.RLIMIT_FSIZE: settings["file_mb"] << 20,
        resource.RLIMIT_CPU: settings["cpu_seconds"],
        resource.RLIMIT_NOFILE: 256,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    if settings["contained"]:  # elsewhere everything else of this user would count
        limits[resource.RLIMIT_NPROC] = settings["processes"]  # threads too, of this user namespace only
    for which, wanted in limits.items():
        hard = resource.getrlimit(which)[1]
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(which, (value, value))


def drop_privileges() -> None:
    """Give up every capability for good, in this user namespace and in those made later."""
    for capability in range(64):
        if libc.prctl(_BOUNDING_DROP, capability, 0, 0, 0) < 0:
            break
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    _check(libc.capset(header, (ctypes.c_uint32 * 6)()), "capset")
    _check(libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")


def filter_system_calls() -> bool:
    """Refuse the calls in `_DENIED` and new user namespaces; False on a machine whose call numbers are unknown here."""
    machine = platform.machine()
    if machine not in _AUDIT:
        return False
    column = list(_AUDIT).index(machine)
    program = _program(_AUDIT[machine], [calls[column] for calls in _DENIED.values()], _CLONE[column], _CLONE3[column])
    buffer = ctypes.create_string_buffer(program, len(program))
    fprog = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    _check(libc.prctl(_NO_NEW_PRIVS, 1, 0, 0, 0), "PR_SET_NO_NEW_PRIVS")
    _check(libc.prctl(_SECCOMP, 2, ctypes.c_char_p(fprog), 0, 0), "PR_SET_SECCOMP")
    return True


def _program(audit: int, denied: list[int], clone: int, clone3: int) -> bytes:
    load, equal, at_least, bits, give = 0x20, 0x15, 0x35, 0x45, 0x06
    refuse = (give, 0, 0, _ERRNO | _EPERM)
    code = [(load, 0, 0, 4), (equal, 1, 0, audit), refuse]  # another instruction set: every call refused
    code += [(load, 0, 0, 0), (at_least, 0, 1, 0x40000000), refuse]  # the x32 calls on x86_64
    for number in denied:
        code += [(equal, 0, 1, number), refuse]
    code += [
        (equal, 0, 1, clone3),
        (give, 0, 0, _ERRNO | _ENOSYS),
    ]  # flags out of sight: libc falls back to clone
    code += [(equal, 0, 3, clone), (load, 0, 0, 16), (bits, 0, 1, _NEW_USER), refuse]
    code.append((give, 0, 0, _ALLOW))
    return b"".join(struct.pack("HBBI", *line) for line in code)
