"""Trees of `/proc` and `/sys` for machines of eight kinds.

Seven are WRITTEN, not recorded, after documented formats (docs.kernel.org: admin-guide/cputopology, cgroup-v1 and -v2,
ABI/stable/sysfs-devices-system-cpu, driver-api/edac, hwmon/sysfs-interface, power/powercap; DMTF DSP0134 for SMBIOS);
`virtual_epyc` is RECORDED, shortened to what is read, from the machine where this was written (2026-11-25).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

Tree = dict[str, str | bytes]
CPUS = "sys/devices/system/cpu"
X86_FLAGS = "fpu vme sse4_2 avx f16c fma avx2"


def plant(tree: Mapping[str, str | bytes], root: Path) -> Path:
    """Write a tree under `root`."""
    for folder in {path.rpartition("/")[0] for path in tree}:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for path, content in tree.items():
        with open(f"{root}/{path}", "wb") as file:
            file.write(content if isinstance(content, bytes) else content.encode())
    return root


def processors(sockets: int, cores: int, smt: int, caches: Sequence[tuple[int, str, str, int]]) -> Tree:
    """`/sys` of `sockets` × `cores` × `smt` threads, numbered as Linux does: all first threads, then all second ones.

    `caches`: level, type, size, and how many cores share one.
    """
    tree: Tree = {}
    total = sockets * cores
    for cpu in range(total * smt):
        core = cpu % total
        siblings = ",".join(str(core + total * thread) for thread in range(smt))
        place = f"{CPUS}/cpu{cpu}"
        tree[f"{place}/topology/physical_package_id"] = f"{core // cores}\n"
        tree[f"{place}/topology/core_id"] = f"{core % cores}\n"
        tree[f"{place}/topology/thread_siblings_list"] = f"{siblings}\n"
        for index, (level, kind, size, shared) in enumerate(caches):
            first = core // shared * shared
            sharers = ",".join(f"{first + total * t}-{first + shared - 1 + total * t}" for t in range(smt))
            cache = f"{place}/cache/index{index}"
            tree |= {f"{cache}/level": f"{level}\n", f"{cache}/type": f"{kind}\n", f"{cache}/size": f"{size}\n"}
            tree[f"{cache}/shared_cpu_list"] = f"{sharers}\n"
    return tree


def x86_cpuinfo(vendor: str, model: str, threads: int, flags: str, microcode: str = "0x1") -> str:
    """`/proc/cpuinfo` as x86 writes it."""
    same = f"vendor_id\t: {vendor}\nmodel name\t: {model}\nmicrocode\t: {microcode}\nflags\t\t: {flags}\n"
    return "\n".join(f"processor\t: {cpu}\n{same}" for cpu in range(threads))


def arm_cpuinfo(cores: Sequence[tuple[str, str]], features: str) -> str:
    """`/proc/cpuinfo` as 64-bit Arm writes it: numbers for names."""
    return "\n".join(
        f"processor\t: {cpu}\nBogoMIPS\t: 200.00\nFeatures\t: {features}\nCPU implementer\t: {vendor}\n"
        f"CPU architecture: 8\nCPU variant\t: 0x1\nCPU part\t: {part}\nCPU revision\t: 0\n"
        for cpu, (vendor, part) in enumerate(cores)
    )


def smbios(count: int, mebibytes: int, kind: int, rate: int) -> bytes:
    """A table with a system structure, `count` modules, an empty slot, and the end."""
    table = bytes([1, 8, 0, 0, 1, 2, 0, 0]) + b"Maker\0Product\0\0"
    for size in [mebibytes] * count + [0]:
        body = bytearray(0x28)
        body[0:4] = bytes([17, 0x28, 0, 0])
        extended = size > 0x7FFE
        body[0x0C:0x0E] = (0x7FFF if extended else size).to_bytes(2, "little")
        body[0x12] = kind
        body[0x15:0x17] = rate.to_bytes(2, "little")
        body[0x1C:0x20] = (size if extended else 0).to_bytes(4, "little")
        body[0x20:0x22] = rate.to_bytes(2, "little")
        table += bytes(body) + b"DIMM A\0\0"
    return table + bytes([127, 4, 0, 0, 0, 0])


def two_socket_xeon() -> Tree:
    """WRITTEN. A GPU server: two sockets of 8 cores with SMT, AMX, 16 modules of DDR5, RAPL, no container."""
    tree = processors(2, 8, 2, [(1, "Data", "48K", 1), (1, "Instruction", "32K", 1), (2, "Unified", "2048K", 1)])
    flags = f"{X86_FLAGS} avx512f avx512bw avx512_vnni avx512_bf16 avx512_fp16 amx_bf16 amx_tile amx_int8"
    tree["proc/cpuinfo"] = x86_cpuinfo("GenuineIntel", "INTEL(R) XEON(R) SILVER 4509Y", 32, flags, "0x2b000603")
    tree["proc/meminfo"] = "MemTotal:       1056466048 kB\nMemFree: 1 kB\n"
    tree["proc/self/cgroup"] = "0::/user.slice\n"
    tree["proc/self/status"] = "Name:\tbench\nCpus_allowed_list:\t0-31\n"
    tree["sys/firmware/dmi/tables/DMI"] = smbios(16, 64 << 10, 0x22, 4800)
    tree["etc/os-release"] = 'NAME="openEuler"\nPRETTY_NAME="openEuler 24.03 (LTS)"\n'
    for node in range(2):
        tree[f"sys/devices/system/node/node{node}/cpulist"] = "0\n"
    for controller in range(8):
        for dimm in range(2):
            place = f"sys/devices/system/edac/mc/mc{controller}/dimm{dimm}"
            tree[f"{place}/dimm_mem_type"] = "Registered-DDR5\n"
            tree[f"{place}/dimm_location"] = f"channel {dimm} slot 0\n"
            tree[f"{place}/size"] = "65536\n"
    for cpu in range(32):
        tree[f"{CPUS}/cpu{cpu}/cpufreq/cpuinfo_max_freq"] = "4100000\n"
    tree |= {f"sys/class/dmi/id/{key}": f"{value}\n" for key, value in _XEON_DMI.items()}
    tree["sys/class/powercap/intel-rapl:0/energy_uj"] = "1\n"
    tree |= {f"sys/block/{name}/size": "7501476528\n" for name in ("nvme0n1", "loop0", "dm-0", "sr0")}
    tree["sys/block/nvme0n1/queue/rotational"] = "0\n"
    tree["sys/block/nvme0n1/device/model"] = "SAMSUNG MZQL23T8HCLS\n"
    return tree


_XEON_DMI = {
    "sys_vendor": "Inspur",
    "product_name": "NF5688M7",
    "bios_vendor": "American Megatrends International, LLC.",
    "bios_version": "05.02.01",
    "bios_date": "03/21/2024",
    "product_serial": "SN-OF-THE-SYSTEM",
    "board_serial": "Default string",
}


def kunpeng() -> Tree:
    """WRITTEN. An Arm server: two sockets of 24 cores without SMT, two NUMA nodes, SMBIOS not readable, no cpufreq."""
    tree = processors(2, 24, 1, [(1, "Data", "64K", 1), (2, "Unified", "512K", 1), (3, "Unified", "24576K", 24)])
    tree["proc/cpuinfo"] = arm_cpuinfo([("0x48", "0xd01")] * 48, "fp asimd evtstrm aes asimdhp cpuid asimddp")
    tree["proc/meminfo"] = "MemTotal:       527950848 kB\n"
    tree |= {f"sys/devices/system/node/node{node}/cpulist": "0\n" for node in range(2)}
    tree |= {"sys/class/dmi/id/sys_vendor": "Huawei\n", "sys/class/dmi/id/product_name": "TaiShan 200 (Model 2280)\n"}
    tree["usr/lib/os-release"] = "PRETTY_NAME='Kylin Linux Advanced Server V10'\n"
    return tree


def many_threads() -> Tree:
    """WRITTEN. 512 threads: two sockets of 128 cores with SMT; third-level caches of 16 cores each."""
    tree = processors(2, 128, 2, [(3, "Unified", "16384K", 16)])
    tree["proc/cpuinfo"] = x86_cpuinfo("AuthenticAMD", "AMD EPYC 9754 128-Core Processor", 512, f"{X86_FLAGS} avx512f")
    tree["proc/meminfo"] = "MemTotal:       1584000000 kB\n"
    return tree


def bare_container() -> Tree:
    """WRITTEN. A container without `/sys` but for its own control group (version 2): a quota of one and a half CPUs."""
    return {
        "proc/cpuinfo": x86_cpuinfo("GenuineIntel", "Intel(R) Xeon(R) Gold 6338", 8, f"{X86_FLAGS} hypervisor"),
        "proc/meminfo": "MemTotal:       32768000 kB\n",
        "proc/self/cgroup": "0::/\n",
        "proc/self/status": "Cpus_allowed_list:\t0-3\n",
        "sys/fs/cgroup/cpu.max": "150000 100000\n",
        "sys/fs/cgroup/memory.max": "2147483648\n",
        ".dockerenv": "",
    }


def pod() -> Tree:
    """WRITTEN. A container of control groups version 1: the limits stand above its own group, and one is no limit."""
    group = "/kubepods/burstable/pod1/abc"
    top = "sys/fs/cgroup"
    return {
        "proc/cpuinfo": x86_cpuinfo("HygonGenuine", "Hygon C86 7285 32-core Processor", 64, X86_FLAGS),
        "proc/meminfo": "MemTotal:       263000000 kB\n",
        "proc/self/cgroup": f"12:memory:{group}\n5:cpu,cpuacct:{group}\n1:name=systemd:{group}\n",
        f"{top}/cpu,cpuacct{group}/cpu.cfs_quota_us": "-1\n",
        f"{top}/cpu,cpuacct{group}/cpu.cfs_period_us": "100000\n",
        f"{top}/cpu,cpuacct/kubepods/burstable/cpu.cfs_quota_us": "400000\n",
        f"{top}/cpu,cpuacct/kubepods/burstable/cpu.cfs_period_us": "100000\n",
        f"{top}/memory{group}/memory.limit_in_bytes": "9223372036854771712\n",
        f"{top}/memory/kubepods/memory.limit_in_bytes": "8589934592\n",
    }


def edge_board() -> Tree:
    """WRITTEN. A board with two kinds of Arm cores, a device tree in the place of SMBIOS, and a power monitor."""
    tree = processors(1, 8, 1, [(1, "Data", "32K", 1)])
    for cpu in range(8):  # what boards without a package number show
        tree[f"{CPUS}/cpu{cpu}/topology/physical_package_id"] = "-1\n" if cpu == 7 else "0\n"
        tree[f"{CPUS}/cpu{cpu}/cpufreq/cpuinfo_max_freq"] = "1800000\n" if cpu < 4 else "2400000\n"
    cores = [("0x41", "0xd05")] * 4 + [("0x41", "0xd0b")] * 4
    tree["proc/cpuinfo"] = arm_cpuinfo(cores, "fp asimd asimdhp asimddp") + "\nSerial\t\t: 1234567890abcdef\n"
    tree["proc/meminfo"] = "MemTotal:        7962112 kB\n"
    tree["proc/device-tree/model"] = "Radxa ROCK 5B\0"
    tree["proc/device-tree/serial-number"] = "1234567890abcdef\0"
    tree["sys/class/hwmon/hwmon0/name"] = "ina3221\n"
    tree["sys/class/hwmon/hwmon0/power1_input"] = "5230000\n"
    tree["sys/block/mmcblk0/size"] = "61079552\n"
    return tree


def laptop() -> Tree:
    """WRITTEN. One socket, cores of two kinds, on battery, SMBIOS for root only."""
    tree = processors(1, 12, 1, [(2, "Unified", "1280K", 1)])
    tree["proc/cpuinfo"] = x86_cpuinfo("GenuineIntel", "12th Gen Intel(R) i7-1255U", 12, f"{X86_FLAGS} avx_vnni")
    tree["proc/meminfo"] = "MemTotal:       16126312 kB\n"
    tree["sys/class/power_supply/BAT0/type"] = "Battery\n"
    tree["sys/class/power_supply/BAT0/status"] = "Discharging\n"
    tree["sys/class/power_supply/AC/type"] = "Mains\n"
    tree["sys/class/power_supply/AC/online"] = "0\n"
    return tree


def virtual_epyc() -> Tree:
    """RECORDED and shortened: a virtual machine without SMBIOS, cpufreq, powercap or hwmon."""
    tree = processors(1, 2, 1, [(1, "Data", "48K", 1), (2, "Unified", "1024K", 1), (3, "Unified", "32768K", 2)])
    flags = "fpu vme sse4_2 f16c fma avx avx2 avx512f avx512bw hypervisor avx_vnni avx512_bf16 avx512_vnni"
    tree["proc/cpuinfo"] = x86_cpuinfo("AuthenticAMD", "AMD EPYC", 2, flags, "0x1000065")
    tree["proc/meminfo"] = "MemTotal:       24684100 kB\n"
    tree["proc/self/cgroup"] = "0::/\n"
    tree["sys/devices/system/node/node0/cpulist"] = "0-1\n"
    tree["sys/block/vda/size"] = "536870912\n"
    tree["sys/block/vda/queue/rotational"] = "1\n"
    return tree


MACHINES = {
    "two_socket_xeon": (two_socket_xeon, "x86_64"),
    "kunpeng": (kunpeng, "aarch64"),
    "many_threads": (many_threads, "x86_64"),
    "bare_container": (bare_container, "x86_64"),
    "pod": (pod, "x86_64"),
    "edge_board": (edge_board, "aarch64"),
    "laptop": (laptop, "x86_64"),
    "virtual_epyc": (virtual_epyc, "x86_64"),
}
