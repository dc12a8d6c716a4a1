"""Which source wins, and how tables and people are merged."""

from datetime import timedelta
from pathlib import Path

import pytest


def test_each_source_beats_the_one_before(write, read):
    write("[web]\nport = 1\n")
    assert read().web.port == 1

    write("[web]\nport = 1\n", local="[web]\nport = 2\n")
    assert read().web.port == 2

    write("[web]\nport = 1\n", local="[web]\nport = 2\n", dotenv="PORT=3\n")
    assert read().web.port == 3
    assert read({"PORT": "4"}).web.port == 4


def test_tables_are_merged_and_lists_replaced(write, read):
    write(
        '[web]\nhost = "::1"\nport = 1\n[channels.slack]\nallow_bots = ["B1", "B2"]\n',
        local='[web]\nport = 2\n[channels.slack]\nallow_bots = ["B3"]\n',
    )

    config = read()

    assert (config.web.host, config.web.port) == ("::1", 2)
    assert config.channels.slack.allow_bots == ("B3",)


def test_people_are_merged_by_name_and_keep_their_order(write, read):
    write(
        '[[people]]\nname = "ann"\naddresses = {slack = "T1A/U1A"}\n[[people]]\nname = "bob"\n',
        local='[[people]]\nname = "dora"\n[[people]]\nname = "ann"\nroles = ["operator"]\n'
        '[people.addresses]\nsms = "+491701234567"\n',
    )

    config = read()

    assert [person.name for person in config.people] == ["ann", "bob", "dora"]
    ann = config.person_by_name("ann")
    assert ann is not None
    assert ann.roles == ("operator",)
    assert ann.addresses == {"slack": "T1A/U1A", "sms": "+491701234567"}
    assert config.person_by_name("nobody") is None


@pytest.mark.parametrize("case", [str.upper, str.lower, str.title])
def test_the_methods_four_keys_work_as_texts_in_the_environment_in_any_letter_case(write, read, case):
    write()

    config = read(
        {
            case("model_provider"): "anthropic",
            case("max_context_tokens"): "8192",
            case("tool_timeout"): "30s",
            case("human_approval_required"): "true",
        }
    )

    assert config.model_provider == "anthropic"
    assert config.max_context_tokens == 8192
    assert config.tool_timeout == timedelta(seconds=30)
    assert config.human_approval_required is True


@pytest.mark.parametrize("case", [str.upper, str.lower, str.title])
def test_the_methods_four_keys_work_as_texts_in_the_file_in_any_letter_case(write, read, case):
    write(
        f'{case("model_provider")} = "anthropic"\n{case("max_context_tokens")} = "9000"\n'
        f'{case("tool_timeout")} = "2m"\n{case("human_approval_required")} = "True"\n'
    )

    config = read()

    assert config.max_context_tokens == 9000
    assert config.tool_timeout == timedelta(minutes=2)
    assert config.human_approval_required is True


def test_well_known_names_reach_their_settings(write, read, tmp_path):
    write()

    config = read(
        {
            "DATABASE_URL": "sqlite:///here.db",
            "host": "0.0.0.0",
            "Port": "9000",
            "PUBLIC_URL": "https://bot.example.org",
            "SLACK_BOT_TOKEN": "xoxb-1-real",
            "SLACK_APP_TOKEN": "xapp-1-real",
            "SLACK_SIGNING_SECRET": "0123456789abcdef",
            "SLACK_API_URL": "http://127.0.0.1:9001/api/",
            "SIM_URL": "http://127.0.0.1:9001",
            "LOG_LEVEL": "debug",
            "API_TOKEN": "a-long-service-token",
        }
    )

    assert config.database.path == tmp_path.resolve() / "here.db"
    assert (config.web.host, config.web.port) == ("0.0.0.0", 9000)
    assert config.web.public_url == "https://bot.example.org"
    assert config.web.sim_url == "http://127.0.0.1:9001"
    slack = config.channels.slack
    assert slack.bot_token is not None
    assert slack.bot_token.reveal() == "xoxb-1-real"
    assert slack.app_token is not None
    assert slack.signing_secret is not None
    assert slack.api_url == "http://127.0.0.1:9001/api/"
    assert slack.on
    assert config.log.level == "DEBUG"
    assert config.channels.api.token is not None


def test_mail_is_set_up_by_the_environment_alone(write, read):
    write()
    environ = {
        "MAIL_FROM": "Bot@Example.org", "IMAP_HOST": "127.0.0.1", "IMAP_PORT": "1143", "IMAP_TLS": "false",
        "IMAP_USER": "bot", "IMAP_PASSWORD": "pass word", "SMTP_HOST": "127.0.0.1", "SMTP_PORT": "1025",
        "SMTP_TLS": "false",
    }  # fmt: skip

    email = read(environ).channels.email

    assert email.on
    assert (email.address, email.imap_port, email.imap_tls) == ("bot@example.org", 1143, False)
    assert (email.smtp_port, email.smtp_tls) == (1025, "none")


def test_the_environment_fills_the_models_that_have_no_key_or_address_of_their_own(write, read):
    write(
        '[models.main]\n[models.backup]\nname = "other"\nbase_url = "http://127.0.0.1:1/own"\n'
        'api_key_env = "Other_Key"\n'
    )

    models = read(
        {
            "ANTHROPIC_API_KEY": "key-of-main",
            "ANTHROPIC_BASE_URL": "http://127.0.0.1:2",
            "OTHER_KEY": "key-of-other",
        }
    ).models

    assert models["main"].base_url == "http://127.0.0.1:2"
    assert models["main"].api_key is not None
    assert models["main"].api_key.reveal() == "key-of-main"
    assert models["backup"].base_url == "http://127.0.0.1:1/own"
    assert models["backup"].api_key is not None
    assert models["backup"].api_key.reveal() == "key-of-other"


def test_there_is_a_main_model_without_any_entry(write, read):
    write()

    models = read({"ANTHROPIC_API_KEY": "sk-ant-key"}).models

    assert list(models) == ["main"]
    assert models["main"].name == "claude-sonnet-5-5"
    assert models["main"].api_key is not None


def test_an_empty_variable_is_one_that_is_not_set_and_hides_the_one_in_dotenv(write, read):
    write("[web]\nport = 1\n", dotenv="PORT=2\nHOST=\n")

    config = read({"PORT": ""})

    assert config.web.port == 1
    assert config.web.host == "127.0.0.1"


def test_dotenv_knows_quotes_comments_and_export_and_leaves_dollars_alone(write, read):
    write(dotenv="# mine\nexport PORT='81' # not 80\nLOG_LEVEL=\"error\"\nAPI_TOKEN='pa$HOME-word'\n")

    config = read()

    assert config.web.port == 81
    assert config.log.level == "ERROR"
    assert config.channels.api.token is not None
    assert config.channels.api.token.reveal() == "pa$HOME-word"


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path, read):
    (tmp_path / "config.toml").write_bytes(b"\xef\xbb\xbf[web]\r\nport = 82\r\n")

    assert read().web.port == 82


def test_bot_dev_has_a_database_of_its_own_unless_the_environment_names_one(write, read, tmp_path):
    write('[database]\nurl = "sqlite:///precious.db"\n')
    folder = tmp_path.resolve()

    assert read().database.path == folder / "precious.db"
    assert read(dev=True).database.path == folder / "saywhen-dev.db"
    assert read({"DATABASE_URL": "sqlite:///x.db"}, dev=True).database.path == folder / "x.db"


def test_an_absolute_database_is_where_it_says(write, read, tmp_path):
    write()

    assert read({"DATABASE_URL": "sqlite:////var/lib/x.db"}).database.path == Path("/var/lib/x.db").resolve()


def test_two_names_of_one_database_are_one_path(write, read, tmp_path):
    write()
    (tmp_path / "real.db").touch()
    (tmp_path / "link.db").symlink_to(tmp_path / "real.db")

    assert read({"DATABASE_URL": "sqlite:///link.db"}).database.path == (tmp_path / "real.db").resolve()


def test_further_folders_are_relative_to_the_config_file(write, read, tmp_path):
    (tmp_path / "words").mkdir()
    write('[paths]\nprompts = ["words"]\n')

    assert read().paths.prompts == ((tmp_path / "words").resolve(),)


def test_the_configuration_cannot_be_changed(write, read):
    write()
    config = read()

    with pytest.raises(ValueError, match="frozen"):
        config.language = "de"
