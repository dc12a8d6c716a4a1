"""SQLite is refused on a disk that is wiped, and on one that it cannot work on."""

import pytest

from bot.config import Config, DatabaseConfig, check_disk, check_this_disk

DISK = "/dev/sda1 / ext4 rw,relatime 0 0\n"
CONTAINER = (
    "overlay / overlay rw,lowerdir=/l,upperdir=/var/lib/docker/u,workdir=/w 0 0\ntmpfs /dev tmpfs rw 0 0\n"
)
VOLUME = CONTAINER + "/dev/vdb /data ext4 rw 0 0\n"


def at(path: str, *, allow_volatile: bool = False) -> Config:
    return Config(database=DatabaseConfig(url=f"sqlite:///{path}", allow_volatile=allow_volatile))


def test_an_ordinary_disk_is_fine():
    assert check_disk(at("/srv/bot.db"), {}, DISK) is None
    assert check_disk(at("/srv/bot.db"), {}, "") is None


def test_a_container_without_a_volume_is_a_warning_and_with_one_is_fine():
    warning = check_disk(at("/app/bot.db"), {}, VOLUME)

    assert warning is not None
    assert warning.severity == "warning"
    assert check_disk(at("/data/bot.db"), {}, VOLUME) is None
    assert check_disk(at("/database/bot.db"), {}, VOLUME) is not None


@pytest.mark.parametrize(
    "variable", ["DYNO", "K_SERVICE", "VERCEL", "AWS_LAMBDA_FUNCTION_NAME", "CLOUD_RUN_JOB"]
)
def test_a_platform_without_disks_is_refused_even_on_a_mount(variable):
    problem = check_disk(at("/data/bot.db"), {variable: "web.1"}, VOLUME)

    assert problem is not None
    assert problem.severity == "error"
    assert variable in problem.found
    assert problem.fix


@pytest.mark.parametrize("variable", ["RENDER", "FLY_APP_NAME", "KOYEB_APP_NAME"])
@pytest.mark.parametrize("mounts", [DISK, CONTAINER, ""])
def test_a_platform_with_volumes_is_refused_without_one(variable, mounts):
    problem = check_disk(at("/data/bot.db"), {variable: "x"}, mounts)

    assert problem is not None
    assert problem.severity == "error"
    assert "DATABASE_URL=sqlite:////" in problem.fix
    assert check_disk(at("/data/bot.db"), {variable: "x"}, VOLUME) is None


def test_railway_says_itself_where_its_volume_is():
    environ = {"RAILWAY_PROJECT_ID": "p"}

    assert check_disk(at("/data/bot.db"), environ, VOLUME) is not None
    assert check_disk(at("/data/bot.db"), {**environ, "RAILWAY_VOLUME_MOUNT_PATH": "/data"}, VOLUME) is None
    assert (
        check_disk(at("/app/bot.db"), {**environ, "RAILWAY_VOLUME_MOUNT_PATH": "/data"}, VOLUME) is not None
    )


@pytest.mark.parametrize("kind", ["tmpfs", "ramfs"])
def test_a_disk_in_memory_is_refused(kind):
    problem = check_disk(at("/run/bot/bot.db"), {}, f"{DISK}none /run {kind} rw 0 0\n")

    assert problem is not None
    assert problem.severity == "error"
    assert f"{kind} at /run" in problem.found


def test_a_layer_over_a_disk_in_memory_is_refused():
    live = "tmpfs /cow tmpfs rw 0 0\noverlay / overlay rw,lowerdir=/ro,upperdir=/cow/up,workdir=/cow/w 0 0\n"

    problem = check_disk(at("/home/bot.db"), {}, live)

    assert problem is not None
    assert problem.severity == "error"


@pytest.mark.parametrize("kind", ["nfs", "nfs4", "cifs", "smb3", "fuse.sshfs"])
def test_a_network_file_system_is_refused_whatever_one_is_willing_to_lose(kind):
    config = at("/mnt/share/bot.db", allow_volatile=True)

    problem = check_disk(config, {}, f"{DISK}server:/x /mnt/share {kind} rw 0 0\n")

    assert problem is not None
    assert "WAL" in problem.found


def test_who_is_willing_to_lose_everything_may():
    config = at("/run/bot.db", allow_volatile=True)

    assert check_disk(config, {"DYNO": "web.1"}, "none /run tmpfs rw 0 0\n") is None


def test_a_mount_point_with_a_space_and_a_hidden_mount_are_understood():
    mounts = f"{DISK}none /my\\040disk tmpfs rw 0 0\n/dev/sdb /my\\040disk ext4 rw 0 0\nnone\n"

    assert check_disk(at("/my disk/bot.db"), {}, mounts) is None


def test_the_disk_of_this_machine_can_be_looked_at(tmp_path):
    problem = check_this_disk(at(f"{tmp_path}/bot.db"), {"DYNO": "web.1"})

    assert problem is not None
