"""What Linux says of a process: proc_pid_status(5), proc_pid_schedstat(5)."""

from __future__ import annotations

from pathlib import Path

_MB = 1e6


def rss(pid: int) -> float:
    """Return the resident set, MB."""
    return _status(pid, "VmRSS") * 1024 / _MB


def peak(pid: int) -> float:
    """Return the largest resident set since `forget_peak`, MB."""
    return _status(pid, "VmHWM") * 1024 / _MB


def forget_peak(pid: int) -> None:
    (_proc(pid) / "clear_refs").write_text("5")


def cpu(pid: int) -> float:
    """Return the seconds all threads have run."""
    return sum(int(_read(task / "schedstat").split()[0]) / 1e9 for task in _tasks(pid))


def wake_ups(pid: int) -> int:
    """Return how often its threads have waited for something."""
    wanted = "voluntary_ctxt_switches:"
    return sum(
        int(line.split()[1])
        for task in _tasks(pid)
        for line in _read(task / "status").splitlines()
        if line.startswith(wanted)
    )


def _tasks(pid: int) -> list[Path]:
    return [*(_proc(pid) / "task").iterdir()]


def _status(pid: int, name: str) -> int:
    for line in _read(_proc(pid) / "status").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise ValueError(name)


def _proc(pid: int) -> Path:
    return Path("/proc") / str(pid)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")
