"""Refuses a database on a disk that is wiped at the next restart, or that SQLite cannot share memory on."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.config.problems import Problem
from bot.config.settings import Config

MEMORY = frozenset({"tmpfs", "ramfs", "devtmpfs"})
LAYERED = frozenset({"overlay", "overlayfs", "aufs", "unionfs"})
NETWORK = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "afpfs", "webdav", "davfs", "gcsfuse", "glusterfs", "s3fs"}
    | {
        f"fuse.{name}"
        for name in ("sshfs", "s3fs", "gcsfuse", "rclone", "glusterfs", "davfs2", "blobfuse", "blobfuse2")
    }
)
FIX = "mount a volume and set DATABASE_URL=sqlite:////MOUNT/saywhen.db"
LOSE_IT = "or set database.allow_volatile = true, if losing everything is fine"


@dataclass(frozen=True)
class Mount:
    """One line of /proc/mounts."""

    point: str
    kind: str
    options: tuple[str, ...] = ()

    @property
    def is_volume(self) -> bool:
        """Something that was mounted for data: not the root of a container, not memory."""
        return self.point != "/" and self.kind not in MEMORY | LAYERED


@dataclass(frozen=True)
class Wrong:
    """What is wrong with a place for the database."""

    why: str
    fix: str
    wanted: str = "a disk that outlives a restart"
    severity: Literal["error", "warning"] = "error"


Kept = Callable[[Path, Mount | None, Mapping[str, str]], bool]


def _never(path: Path, mount: Mount | None, environ: Mapping[str, str]) -> bool:
    return False


def _on_a_volume(path: Path, mount: Mount | None, environ: Mapping[str, str]) -> bool:
    return mount is not None and mount.is_volume


def _on_railways_volume(path: Path, mount: Mount | None, environ: Mapping[str, str]) -> bool:
    volume = environ.get("RAILWAY_VOLUME_MOUNT_PATH", "")
    return bool(volume) and path.is_relative_to(volume)


# The variable a platform sets, its name, and when a file outlives a restart there.
PLATFORMS: tuple[tuple[str, str, Kept], ...] = (
    ("DYNO", "Heroku", _never),
    ("K_SERVICE", "Cloud Run", _never),
    ("CLOUD_RUN_JOB", "Cloud Run", _never),
    ("VERCEL", "Vercel", _never),
    ("AWS_LAMBDA_FUNCTION_NAME", "AWS Lambda", _never),
    ("FUNCTIONS_WORKER_RUNTIME", "Azure Functions", _never),
    ("GAE_INSTANCE", "App Engine", _never),
    ("VCAP_APPLICATION", "Cloud Foundry", _on_a_volume),
    ("RENDER", "Render", _on_a_volume),
    ("FLY_APP_NAME", "Fly.io", _on_a_volume),
    ("KOYEB_APP_NAME", "Koyeb", _on_a_volume),
    ("RAILWAY_PROJECT_ID", "Railway", _on_railways_volume),
    ("RAILWAY_ENVIRONMENT", "Railway", _on_railways_volume),
    ("RAILWAY_ENVIRONMENT_NAME", "Railway", _on_railways_volume),
    ("RAILWAY_SERVICE_NAME", "Railway", _on_railways_volume),
)


def check_this_disk(config: Config, environ: Mapping[str, str]) -> Problem | None:
    """`check_disk` for the machine we are on; macOS has no list of mounts to read."""
    mounts = Path("/proc/self/mounts")
    return check_disk(config, environ, mounts.read_text("utf-8", "replace") if mounts.exists() else "")


def check_disk(config: Config, environ: Mapping[str, str], mounts_text: str) -> Problem | None:
    """Why the database is in the wrong place, as far as the environment and the mounts can tell."""
    path = config.database.path
    mounts = parse_mounts(mounts_text)
    mount = mount_of(str(path), mounts)
    wrong = _on_a_network(mount) or (
        None
        if config.database.allow_volatile
        else _wiped_by_platform(path, mount, environ) or _wiped_with_memory(mount, mounts)
    )
    if wrong is None:
        return None
    where = next(row.source for row in config.effective() if row.key == "database.url")
    return Problem(where, "database.url", f"{path}, {wrong.why}", wrong.wanted, wrong.fix, wrong.severity)


def _on_a_network(mount: Mount | None) -> Wrong | None:
    if mount is None or mount.kind not in NETWORK:
        return None
    why = f"on a network file system ({mount.kind}), where SQLite's WAL cannot share memory"
    return Wrong(why, "use a local disk or a block volume, and set DATABASE_URL", "a disk of this machine")


def _wiped_by_platform(path: Path, mount: Mount | None, environ: Mapping[str, str]) -> Wrong | None:
    for variable, name, kept in PLATFORMS:
        if environ.get(variable) and not kept(path, mount, environ):
            fix = f"run it elsewhere: {name} has no disk that suits" if kept is _never else FIX
            return Wrong(
                f"on {name} ({variable} is set), which wipes it at every restart", f"{fix}; {LOSE_IT}"
            )
    return None


def _wiped_with_memory(mount: Mount | None, mounts: tuple[Mount, ...]) -> Wrong | None:
    if mount is None:
        return None
    if mount.kind in MEMORY or _layer_in_memory(mount, mounts):
        why = f"in memory ({mount.kind} at {mount.point}), gone at the next start of the machine"
        return Wrong(why, f"use another directory; {LOSE_IT}")
    if mount.kind in LAYERED:
        why = f"on a container's own layer ({mount.kind}), gone when the container is replaced"
        return Wrong(why, FIX, severity="warning")
    return None


def _layer_in_memory(mount: Mount, mounts: tuple[Mount, ...]) -> bool:
    upper = next((option.partition("=")[2] for option in mount.options if option.startswith("upperdir=")), "")
    below = mount_of(upper, tuple(other for other in mounts if other is not mount)) if upper else None
    return mount.kind in LAYERED and below is not None and below.kind in MEMORY


def parse_mounts(text: str) -> tuple[Mount, ...]:
    fields = (line.split() for line in text.splitlines())
    return tuple(Mount(_unescape(f[1]), f[2], tuple(f[3].split(","))) for f in fields if len(f) >= 4)


def _unescape(text: str) -> str:
    """Spaces and the like stand as octal numbers."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)


def mount_of(path: str, mounts: tuple[Mount, ...]) -> Mount | None:
    """The mount a path is on: the longest point above it, of equal ones the last, which hides the others."""
    above = [mount for mount in mounts if Path(path).is_relative_to(mount.point)]
    return max(reversed(above), key=lambda mount: len(mount.point), default=None)
