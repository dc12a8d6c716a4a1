"""`bot config` shows every setting, where it comes from, and no secret."""

from bot.config import Config
from bot.config.shape import all_keys


def test_each_value_is_shown_with_its_source(write, read):
    write(
        'language = "de"\n[[people]]\nname = "ann"\naddresses = {slack = "T1A/U1A"}\n',
        local="[web]\nport = 1\n",
        dotenv="LOG_LEVEL=debug\n",
    )

    rows = {row.key: (row.value, row.source) for row in read({"tool_timeout": "90"}).effective()}

    assert rows["language"] == ("de", "config.toml")
    assert rows["web.port"] == ("1", "config.local.toml")
    assert rows["log.level"] == ("DEBUG", ".env")
    assert rows["tool_timeout"] == ("1m30s", "environment tool_timeout")
    assert rows["limits.max_steps"] == ("10", "default")
    assert rows["people.ann.addresses.slack"] == ("T1A/U1A", "config.toml")
    assert rows["models.main.api_key"] == ("not set", "default")


def test_a_secret_is_shown_as_set_or_by_its_last_four_characters(write, read):
    write()
    long, short = "xoxb-1234567890-abcdefgh", "sk-ant-short"

    config = read({"SLACK_BOT_TOKEN": long, "ANTHROPIC_API_KEY": short})
    rows = {row.key: (row.value, row.source) for row in config.effective()}

    assert rows["channels.slack.bot_token"] == ("****efgh", "environment SLACK_BOT_TOKEN")
    assert rows["models.main.api_key"] == ("set", "environment ANTHROPIC_API_KEY")
    for text in (str(rows), repr(config), str(config), config.model_dump_json(), str(config.model_dump())):
        assert long not in text
        assert short not in text


def test_every_setting_is_shown(write, read):
    write('[[people]]\nname = "ann"\n')

    shown = {row.key for row in read().effective()}

    missing = [".".join(key) for key in all_keys() if not any(row.startswith(".".join(key)) for row in shown)]
    assert missing == []
    assert len(shown) == len(read().effective())


def test_the_database_is_shown_as_a_file_too(write, read, tmp_path):
    write()

    rows = {row.key: row for row in read({"DATABASE_URL": "sqlite:///x.db"}).effective()}

    assert rows["database.path"].value == str(tmp_path.resolve() / "x.db")
    assert rows["database.path"].source == "environment DATABASE_URL"


def test_a_configuration_can_be_made_without_files():
    config = Config(people=())

    assert config.models["main"].name == "claude-sonnet-5-5"
    assert config.warnings == ()
    assert {row.source for row in config.effective()} == {"default"}
