"""Commands about the settings: config, people, tools, prompts, the Slack app, the doctor."""

import pytest


def test_every_setting_is_shown_with_its_source_and_secrets_are_masked(run, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-abcdefghijklmnop1234")
    monkeypatch.setenv("tool_timeout", "45s")

    shown, whole = run("config"), run("config", "--json")

    assert "abcdefghijklmnop" not in shown.out + whole.out
    values = {row["key"]: (row["value"], row["source"]) for row in whole.json["values"]}
    assert values["tool_timeout"] == ("45s", "environment tool_timeout")
    assert values["models.main.api_key"] == ("****1234", "environment ANTHROPIC_API_KEY")
    assert values["web.port"] == ("8000", "default")


def test_all_that_is_wrong_with_the_settings_is_said_at_once(run, root):
    (root / "config.local.toml").write_text('[web]\nport = "many"\nhots = "x"\n')

    shown, whole = run("config"), run("config", "--json")

    assert shown.status == whole.status == 78
    assert len(shown.err.splitlines()) == 2
    assert all(line.startswith("error: config.local.toml:") for line in shown.err.splitlines())
    assert [problem["key"] for problem in whole.json["problems"]] == ["web.port", "web.hots"]
    assert "did you mean host?" in shown.err


def test_a_setting_that_looks_misspelt_is_a_warning_beside_the_result(run, monkeypatch):
    monkeypatch.setenv("SLACK_BOT_TOKN", "xoxb-1")

    ran = run("config")

    assert ran.status == 0
    assert "warning: environment SLACK_BOT_TOKN" in ran.err
    assert "did you mean SLACK_BOT_TOKEN?" in ran.err


def test_bot_dev_has_a_database_of_its_own(run, root):
    values = {row["key"]: row["value"] for row in run("config", "--dev", "--json").json["values"]}

    assert values["database.path"] == str(root / "saywhen-dev.db")


def test_the_people_are_listed(run):
    shown, whole = run("people"), run("people", "--json")

    assert "ann" in shown.out
    assert whole.json["people"][0]["addresses"]["slack"] == "T0DEMO/U0ANN"
    assert whole.json["people"][0]["has_token"] is False


def test_the_tools_are_listed_with_their_schema_and_effect(run):
    shown, whole = run("tools"), run("tools", "--json")

    assert "remind" in shown.out
    tools = {each["name"]: each for each in whole.json["tools"]}
    assert tools["remind"]["effect"] == "stored"
    assert tools["remind"]["needs_yes"] == ""
    assert set(tools["remind"]["schema"]["properties"]) == {"text", "when"}


def test_the_tools_say_which_of_them_need_a_yes(run, monkeypatch):
    monkeypatch.setenv("HUMAN_APPROVAL_REQUIRED", "true")

    tools = {each["name"]: each for each in run("tools", "--json").json["tools"]}

    assert "human_approval_required" in tools["remind"]["needs_yes"]
    assert tools["current_time"]["needs_yes"] == ""


def test_the_prompts_are_listed_and_shown_as_the_model_reads_them(run):
    listed, one, whole = run("prompts"), run("prompts", "assistant"), run("prompts", "assistant", "--json")

    assert "assistant" in listed.out
    assert "{{" not in one.out
    assert whole.json["text"].strip() == one.out.strip()
    assert run("prompts", "--json").json["prompts"] == [whole.json]


def test_a_prompt_that_does_not_exist_is_one_clear_line(run):
    ran = run("prompts", "poet")

    assert (ran.status, ran.err) == (1, 'error: no prompt is called "poet"; there are assistant\n')


@pytest.mark.parametrize("option", [(), ("--json",)])
def test_the_slack_app_is_ready_to_paste(run, option):
    ran = run("slack", "manifest", "--name", "Office", *option)

    assert ran.json["display_information"]["name"] == "Office"
    assert ran.json["settings"]["socket_mode_enabled"]


# ---------------------------------------------------------------- the doctor


def checks(ran):
    return {(each["name"], each["status"]): each for each in ran.json["checks"]}


def test_the_doctor_finds_nothing_wrong_with_bot_dev(run, filled, monkeypatch):
    monkeypatch.setenv("PORT", "0")

    ran = run("doctor", "--dev", "--json")

    assert ran.status == 0
    assert ran.json["status"] != "fail"
    found = checks(ran)
    assert "is whole" in found["database", "ok"]["detail"]
    assert ("model", "note") in found
    assert ("Slack", "note") in found


def test_the_doctor_says_which_key_is_missing(run):
    ran = run("doctor", "--offline", "--json")

    assert ran.status == 1
    assert "ANTHROPIC_API_KEY" in checks(ran)["settings", "fail"]["fix"]


def test_the_doctor_says_everything_that_is_wrong_with_the_settings(run, root):
    (root / "config.local.toml").write_text('[web]\nport = "many"\nhots = "x"\n')

    ran = run("doctor", "--json")

    assert ran.status == 1
    assert [each["status"] for each in ran.json["checks"]] == ["fail", "fail"]


def test_the_doctor_finds_a_damaged_database(run, filled):
    body = bytearray(filled.path.read_bytes())
    body[4096:] = b"\x7f" * (len(body) - 4096)
    filled.path.write_bytes(body)

    ran = run("doctor", "--dev", "--offline", "--json")

    assert ran.status == 1
    assert "damaged" in checks(ran)["database", "fail"]["detail"]


def test_the_doctor_finds_a_model_that_cannot_be_reached(run, monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("PORT", "0")

    ran = run("doctor", "--json")

    assert ran.status == 1
    found = checks(ran)
    assert "could not be reached" in found["model main", "fail"]["detail"]
    assert found["model main", "fail"]["fix"]


def test_the_doctor_warns_of_a_database_that_others_can_read(run, filled):
    filled.path.chmod(0o644)

    ran = run("doctor", "--dev", "--offline")

    assert ran.status == 0
    assert "can be read by other users" in ran.out
    assert "chmod 600" in ran.out
