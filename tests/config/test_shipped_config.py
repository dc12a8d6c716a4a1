"""The config.toml that comes with Saywhen works as it is and names every setting."""

import re
import subprocess
from pathlib import Path

from bot.config import load, resolve
from bot.config.shape import all_keys

SHIPPED = Path(__file__).parents[2] / "config.toml"


def shipped(tmp_path, text=None):
    (tmp_path / "config.toml").write_text(text or SHIPPED.read_text("utf-8"), "utf-8")
    return load(root=tmp_path, environ={}, dev=True)


def test_it_loads_without_a_warning(tmp_path):
    config = shipped(tmp_path)

    assert config.warnings == ()
    assert config.human_approval_required is False
    assert list(config.models) == ["main", "backup"]
    assert config.models["backup"].name == "claude-haiku-5-5"


def test_its_demo_people_are_ann_bob_carol_and_sarah_who_has_only_mail(tmp_path):
    people = shipped(tmp_path).people

    assert [(person.name, person.roles, person.timezone, person.demo) for person in people] == [
        ("ann", ("operator", "owner"), "Europe/Berlin", True),
        ("bob", ("member",), "Europe/London", True),
        ("carol", ("approver", "member"), "America/New_York", True),
        ("sarah", ("member",), "Europe/Berlin", True),
    ]
    assert [sorted(person.addresses) for person in people] == [
        ["discord", "email", "slack", "sms"],
        ["discord", "email", "slack", "sms"],
        ["discord", "email", "slack", "sms"],
        ["email"],
    ]


def test_carol_is_asked_first_and_by_sms(tmp_path):
    config = shipped(tmp_path)
    carol = config.person_by_name("carol")

    assert resolve(config.approvals.approvers, config.people) == ("carol",)
    assert carol is not None
    assert carol.contact_order == ("sms",)


def test_its_job_runs_with_our_own_python_and_says_what_it_did(tmp_path):
    job = shipped(tmp_path).jobs["deploy-staging"]
    log = tmp_path / "deployed"
    environ = job.environ({"DEPLOY_LOG": str(log), "API_TOKEN": "not for it"})

    ran = subprocess.run(
        job.argv(job.values({})), cwd=SHIPPED.parent, env=environ, capture_output=True, text=True, check=True
    )

    assert "staging runs latest now" in ran.stdout
    assert log.read_text() == "deployed latest to staging\n"
    assert "API_TOKEN" not in environ


def test_it_names_every_setting():
    text = SHIPPED.read_text("utf-8")
    secrets = {"bot_token", "app_token", "api_key"}  # said by the names of their variables

    missing = [
        ".".join(key)
        for key in all_keys()
        if key[-1] not in secrets and not re.search(rf"\b{key[-1]}\b", text)
    ]

    assert missing == []


def test_the_defaults_it_shows_are_the_defaults(tmp_path):
    text = SHIPPED.read_text("utf-8")
    sections, people = text.split("# ---- Agents")[0], text[text.index('[[people]]\nname = "ann"') :]
    setting = (
        r"(?m)^# ([a-z_]+ = (?:[0-9]|true|false|\[\]|\"(?!https?:)).*)$"  # not addresses: those are examples
    )
    switched_on, count = re.subn(setting, r"\1", sections)

    with_shown = shipped(tmp_path, switched_on + people)

    ours = {"database": {"url"}}  # bot dev has its own
    assert count > 30
    assert with_shown.model_dump(exclude=ours) == shipped(tmp_path).model_dump(exclude=ours)


def test_the_commented_examples_can_be_switched_on(tmp_path):
    text = SHIPPED.read_text("utf-8")
    examples = re.findall(r"(?m)^# (\[\[?[a-z.]+\]\]?(?: *\n)(?:# [a-z_.]+ = .*\n)+)", text)
    assert len(examples) == 2

    config = shipped(tmp_path, text + "\n" + "\n".join(example.replace("\n# ", "\n") for example in examples))

    assert config.person_by_name("dora") is not None
    assert config.agents["assistant"].tools["send_message"].approval == "always"
