"""Where a result comes from: versions, machine, commit, digests."""

import hashlib
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import distributions
from pathlib import Path

import linksim
from linksim.evaluation.plan import Plan


def describe_session(plan: Plan) -> dict:
    """The record of one session of a run, ready for JSON; `pictures` is a list where they are swept."""
    described = [_pictures(case) for case in {id(case.pictures): case for case in plan.cases}.values()]
    return {
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "linksim": linksim.__version__,
        "commit": _commit(),
        "seed": plan.scenario.seed,
        "pictures": described[0] if len(described) == 1 else described,
        "weights": plan.weights(),
        "machine": describe_machine(),
        "packages": dict(sorted({dist.name: dist.version for dist in distributions()}.items())),
    }


def _pictures(case):
    if case.pictures is None:
        return None
    names = [picture.name for picture in case.sent]
    return {"digest": case.pictures.digest, "names": names, "skipped": list(case.pictures.skipped)}


def describe_machine() -> dict:
    """The machine of this process."""
    return {
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def source_digest() -> str:
    """SHA-256 of this linksim's modules: two of one version may still differ."""
    root, sha = Path(linksim.__file__).parent, hashlib.sha256()
    for path in sorted(root.rglob("*.py")):
        sha.update(f"{path.relative_to(root)} {path.stat().st_size} ".encode())
        sha.update(path.read_bytes())
    return sha.hexdigest()


def _commit():
    """The commit of the source tree that runs, or None for an installed package."""
    root = Path(linksim.__file__).parents[1]
    if not (root / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40"]
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def _processor():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor())
