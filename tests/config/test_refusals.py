"""What is wrong with a configuration is said in one line each, all at once."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, strategies as st

from bot.config import ConfigError, GateConfig, JobConfig, ParameterConfig, ToolConfig, load
from bot.config.environment import KNOWN
from bot.config.shape import all_keys

NAMES_TRIED = ("main", "name", "slack", "tools", "addresses", "x y", "")

TYPES = [
    ("max_context_tokens = 999", "max_context_tokens", "from 1000 to"),
    ("max_context_tokens = true", "max_context_tokens", "a whole number"),
    ("max_context_tokens = 8192.5", "max_context_tokens", "a whole number"),
    ('tool_timeout = "soon"', "tool_timeout", "duration"),
    ("tool_timeout = 0", "tool_timeout", "duration"),
    ("tool_timeout = nan", "tool_timeout", "duration"),
    ('tool_timeout = "-1s"', "tool_timeout", "duration"),
    ('human_approval_required = "perhaps"', "human_approval_required", "true or false"),
    ('model_provider = "openai"', "model_provider", "'anthropic'"),
    ('timezone = "Mars/Olympus"', "timezone", "time zone"),
    ('timezone = "../../etc/passwd"', "timezone", "time zone"),
    ('language = "klingon!"', "language", "language tag"),
    ("language = 3", "language", "text"),
    ('[web]\nhost = "http://0.0.0.0"', "web.host", "without http://"),
    ('[web]\nhost = "999.1.1.1"', "web.host", "host name"),
    ("[web]\nport = 65536", "web.port", "65535"),
    ('[web]\npublic_url = "bot.example.org"', "web.public_url", "http(s) address"),
    ('[web]\npublic_url = "https://user:pw@bot.example.org"', "web.public_url", "without user"),
    ('[models.main]\nprovider = "other"', "models.main.provider", "'anthropic'"),
    ("[models.main]\nmax_tokens = 0", "models.main.max_tokens", "from 16"),
    ('[models.main]\n[models."Main Model"]', "models.Main Model", "a short name"),
    ('models = "sonnet"', "models", "a table"),
    ('[channels.slack]\nenabled = "maybe"', "channels.slack.enabled", '"auto"'),
    ('[channels.slack]\nstrangers = "bite"', "channels.slack.strangers", "'chat', 'refuse' or 'ask'"),
    ('[channels.slack]\nallow_bots = "B1"', "channels.slack.allow_bots", "list"),
    ('[channels.slack]\napi_url = "https://slack.example/api"', "channels.slack.api_url", "/api/"),
    ("[channels.slack]\nbot_token = 12345678", "channels.slack.bot_token", "text"),
    ('[log]\nlevel = "LOUD"', "log.level", "'DEBUG'"),
    ('[paths]\nprompts = ["nowhere"]', "paths.prompts.0", "directory that exists"),
    ("people = 3", "people", "list"),
    ("people = [1]", "people.#1", "table"),
    ('[[people]]\nroles = ["operator"]', "people.#1.name", "no default"),
    ('[[people]]\nname = "Ann"', "people.Ann.name", "short name"),
    ('[[people]]\nname = "ann"\nroles = ["The King"]', "people.ann.roles.0", "a word"),
    ('[[people]]\nname = "ann"\ncontact_order = ["pigeon"]', "people.ann.contact_order.0", "slack"),
    ('[[people]]\nname = "ann"\nquiet_hours = "22-7"', "people.ann.quiet_hours", "22:00-07:00"),
    ('[[people]]\nname = "ann"\nquiet_hours = "24:00-07:00"', "people.ann.quiet_hours", "22:00-07:00"),
    ('[[people]]\nname = "ann"\nquiet_hours = "07:00-07:00"', "people.ann.quiet_hours", "different"),
    (
        '[[people]]\nname = "ann"\napi_token_hash = "sha256:12"',
        "people.ann.api_token_hash",
        "bot people token",
    ),
    ('[channels.sms]\nstrangers = "bite"', "channels.sms.strangers", "'ask'"),
    ('[channels.sms]\nnumber = "0170 123"', "channels.sms.number", "international"),
    ('[channels.sms]\ninbound = "post"', "channels.sms.inbound", "'poll'"),
    ('[channels.sms]\ninbound = "webhook"', "channels.sms.inbound", "a public address"),
    ('[[people]]\nname = "ann"\naddresses = {sms = "0170 123"}', "people.ann.addresses", "international"),
    ('[[people]]\nname = "ann"\naddresses = {slack = "@ann"}', "people.ann.addresses", "team and user"),
    ('[[people]]\nname = "ann"\naddresses = {pigeon = "x"}', "people.ann.addresses", "slack"),
    (
        '[agents.assistant.tools.remind]\napproval = "sometimes"',
        "agents.assistant.tools.remind.approval",
        "never",
    ),
]


@pytest.mark.parametrize(("config", "key", "allowed"), TYPES)
def test_a_wrong_value_is_named_with_its_line_and_what_is_allowed(write, refuse, config, key, allowed):
    write(f"# first line\n{config}\n")

    (problem,) = refuse()

    assert problem.key == key
    assert allowed in problem.allowed
    assert problem.fix
    assert problem.where.startswith("config.toml:")
    assert "\n" not in str(problem)


def test_the_line_is_that_of_the_key(write, refuse):
    write(
        'language = """\nx\n"""\n\n[web]\nhost = "::1"  # [not.a.table]\nallow = [\n  1,\n]\nport = 99999\n'
    )

    where = {problem.key: problem.where for problem in refuse()}

    assert where == {"language": "config.toml:1", "web.allow": "config.toml:7", "web.port": "config.toml:10"}


def test_the_line_of_a_person_is_that_of_the_person(write, refuse):
    write(
        '[[people]]\nname = "ann"\n[[people]]\nname = "bob"\ntimezone = "X"\n',
        local='[[people]]\nname = "ann"\n[people.addresses]\nsms = "1"\n',
    )

    assert [problem.where for problem in refuse()] == ["config.local.toml:3", "config.toml:5"]


def test_all_problems_are_said_at_once(write, refuse):
    write(
        'langauge = "en"\n[web]\nport = "many"\n[model_retry]\nfirst = "10m"\n'
        '[[people]]\nname = "ann"\ncontact_order = ["fax"]\n[agents.assistant]\nmodel = "huge"\n',
        dotenv="oops\nSLACK_BOT_TOKEN=xapp-1-swapped\n",
    )

    keys = [problem.key for problem in refuse({"TOOL_TIMEOUT": "never", "DATABASE_URL": "mysql://x"})]

    assert sorted(keys) == [
        "",
        "agents.assistant.model",
        "channels.slack.bot_token",
        "database.url",
        "langauge",
        "model_retry.first",
        "people.ann.contact_order.0",
        "tool_timeout",
        "web.port",
    ]


def test_nothing_is_concluded_from_a_value_that_is_refused(write, refuse):
    write('[model_retry]\nfirst = "10m"\nmax = "long"\n')

    assert [problem.key for problem in refuse()] == ["model_retry.max"]


def test_the_exit_code_says_that_a_setting_is_wrong(write, tmp_path):
    write("nonsense = 1\nrubbish = 2\n")

    with pytest.raises(ConfigError) as refused:
        load(root=tmp_path, environ={}, look=True)

    assert refused.value.exit_code == refused.value.code == 78
    assert str(refused.value).count("\n") == 1


def test_a_missing_file_is_said_with_the_way_to_get_it(refuse):
    (problem,) = refuse()

    assert problem.where == "config.toml"
    assert "git checkout config.toml" in problem.fix


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ("[web]\nport = \n", "config.toml:2:8"),
        ('language = "en', "config.toml:1:15"),
        ("[web\n", "config.toml:1:5"),
        ("a = 1\na = 2\n", "config.toml:2:6"),
        ("SLACK_BOT_TOKEN = xoxb-1234567890\n", "config.toml:1:19"),
    ],
)
def test_a_syntax_error_has_line_and_column_and_does_not_quote_the_line(write, refuse, config, place):
    write(config)

    (problem,) = refuse()

    assert problem.where == place
    assert "xoxb" not in str(problem)


def test_a_syntax_error_in_one_file_does_not_hide_what_is_wrong_elsewhere(write, refuse):
    write("language = \n", local="nonsense = 1\n")

    assert [problem.where for problem in refuse({"PORT": "x"})] == [
        "config.toml:1:12",
        "environment PORT",
        "config.local.toml:1",
    ]


def test_a_file_that_is_not_utf8_is_refused(tmp_path, refuse):
    (tmp_path / "config.toml").write_bytes(b'language = "\xff"\n')

    (problem,) = refuse()

    assert "UTF-8" in problem.found


@pytest.mark.parametrize(
    ("config", "fix"),
    [
        ('langauge = "en"', "did you mean language?"),
        ("[limits]\nmax_step = 3", "did you mean max_steps?"),
        ("[webb]\nport = 1", "did you mean web?"),
        ("[slack]\nenabled = true", "did you mean channels.slack?"),
        (
            '[web]\napi_url = "x"',
            "did you mean sim_url or channels.slack.api_url or channels.discord.api_url or channels.sms.api_url?",
        ),
        ("[channels.discord]\ntoken = 1", "did you mean bot_token or channels.api.token?"),
        ("zzzzzz = 1", "remove it"),
        ('[models.main]\nmodel_name = "x"', "did you mean name?"),
        ('[[people]]\nname = "ann"\nrole = ["member"]', "did you mean roles?"),
    ],
)
def test_an_unknown_key_is_refused_with_a_suggestion(write, refuse, config, fix):
    write(config)

    (problem,) = refuse()

    assert problem.found == "an unknown key"
    assert problem.fix == fix


def test_the_value_of_an_unknown_key_is_not_shown(write, refuse):
    write('[channels.slack]\nbot_tokn = "xoxb-12345-real"\n[channels]\napi = "hunter2hunter2"\n')

    text = "\n".join(map(str, refuse()))

    assert "real" not in text
    assert "hunter2" not in text


def test_a_time_zone_is_suggested(write, refuse):
    write('timezone = "Europe/Berln"\n')

    (problem,) = refuse()

    assert problem.fix == 'did you mean "Europe/Berlin"?'


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgres://bot:hunter2@db/x", "does not exist yet"),
        ("postgresql+psycopg://bot:hunter2@db/x", "does not exist yet"),
        ("mysql://bot:hunter2@db/x", "sqlite:///relative/file.db or sqlite:////absolute/file.db"),
        ("saywhen.db", "sqlite:///relative/file.db"),
        ("sqlite://saywhen.db", "sqlite:///relative/file.db"),
        ("sqlite:///", "a file"),
        ("sqlite://", "sqlite:///relative/file.db"),
        ("sqlite:///:memory:", "a file"),
        ("sqlite:///~/x.db", "without ~"),
        ("sqlite:///folder/", "a file"),
        ("sqlite:///x.db?mode=ro", "without"),
    ],
)
def test_a_database_that_is_no_sqlite_file_is_refused_with_the_forms(write, refuse, url, says):
    write()

    (problem,) = refuse({"DATABASE_URL": url})

    assert problem.where == "environment DATABASE_URL"
    assert says in problem.allowed
    assert "hunter2" not in str(problem)


@pytest.mark.parametrize("port", ["65536", "-1", "http", "80.5", "8 000", "٣"])
def test_a_port_that_is_none_is_refused(write, refuse, port):
    write()

    (problem,) = refuse({"PORT": port})

    assert (problem.where, problem.key) == ("environment PORT", "web.port")
    assert "unset PORT" in problem.fix


def test_two_spellings_of_a_variable_with_different_values_are_refused(write, refuse, read):
    write()

    (problem,) = refuse({"human_approval_required": "true", "HUMAN_APPROVAL_REQUIRED": "false"})

    assert "letter case" in problem.fix
    assert read({"PORT": "80", "port": "80"}).web.port == 80


def test_the_same_key_in_two_letter_cases_is_refused(write, refuse):
    write('tool_timeout = "1s"\nTOOL_TIMEOUT = "2s"\n')

    (problem,) = refuse()

    assert problem.where == "config.toml:2"


def test_two_people_of_one_name_or_one_address_are_refused(write, refuse):
    write(
        '[[people]]\nname = "ann"\naddresses = {email = "Ann@example.org"}\n'
        '[[people]]\nname = "ann"\n'
        '[[people]]\nname = "bob"\naddresses = {email = "ann@EXAMPLE.org"}\n'
    )

    problems = refuse()

    assert [(problem.where, problem.key) for problem in problems] == [
        ("config.toml:4", "people.ann"),
        ("config.toml:8", "people.bob.addresses.email"),
    ]


@pytest.mark.parametrize(
    ("config", "key"),
    [
        ('[model_retry]\nfirst = "6m"', "model_retry.first"),
        ('[model_retry]\nmax = "2h"', "model_retry.max"),
        ('[limits]\noutbox_max = "2d"', "limits.outbox_max"),
        ("[limits]\nresult_clip = 20000", "limits.result_clip"),
        ("max_context_tokens = 200000", "max_context_tokens"),
        ("[models.main]\ncontext_tokens = 5000", "max_context_tokens"),
        ("[agents.assistant]\nmax_steps = 11", "agents.assistant.max_steps"),
        ('[models.spare]\nname = "x"', "models.main"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(write, refuse, config, key):
    write(config)

    (problem,) = refuse()

    assert problem.key == key


def test_a_broken_line_of_dotenv_is_refused_with_its_number(write, refuse):
    write(dotenv="PORT=1\nthis is no assignment\n")

    (problem,) = refuse()

    assert problem.where == ".env:2"


def test_a_misspelt_variable_is_warned_of(write, read):
    write('[models.main]\napi_key_env = "ANTHROPIC_API_KEY_2"\n', dotenv="SLACK_BOT_TOKN=x\n")

    warnings = read({"ANTHROPIC_API_KEY_2": "x", "HOSTS": "x"}).warnings

    assert [(warning.where, warning.fix) for warning in warnings] == [
        (".env:1 SLACK_BOT_TOKN", "did you mean SLACK_BOT_TOKEN?")
    ]


def test_a_secret_in_the_shared_file_of_a_git_tree_is_warned_of(write, read, tmp_path):
    write('[channels.api]\ntoken = "a-service-token"\n')
    assert read().warnings == ()

    (tmp_path / ".git").mkdir()
    (warning,) = read().warnings

    assert (warning.where, warning.severity) == ("config.toml:2", "warning")
    assert "a-service-token" not in str(warning)
    write(local='[channels.api]\ntoken = "a-service-token"\n')
    assert read().warnings == ()


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["main", "ann", "{}"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*NAMES_TRIED]), inner, max_size=3)
    ),
    max_leaves=6,
)


BELOW = [
    *(("agents", "main", "tools", "main", name) for name in ToolConfig.model_fields),
    *(("agents", "main", "tools", "main", "approval", name) for name in GateConfig.model_fields),
    ("agents", "main", "tools", "main", "approval", "arguments", "main"),
    *(("jobs", "main", name) for name in JobConfig.model_fields),
    *(("jobs", "main", "parameters", "main", name) for name in ParameterConfig.model_fields),
]


@given(st.sampled_from([*sorted(all_keys()), *BELOW]), ANYTHING, st.sampled_from(KNOWN), st.text(max_size=12))
def test_whatever_is_written_it_is_taken_or_refused(key, value, name, text):
    with TemporaryDirectory() as folder:
        Path(folder, "config.toml").write_text(f"{'.'.join(key)} = {toml(value)}\n", "utf-8")

        try:
            config = load(root=Path(folder), environ={name: text})
        except ConfigError as refused:
            assert all(len(str(problem).splitlines()) == 1 for problem in refused.problems)  # noqa: PT017 - whatever was refused, not that it was
        else:
            assert config.effective()


def toml(value):
    match value:
        case dict():
            return (
                "{" + ", ".join(f"{json.dumps(name)} = {toml(inner)}" for name, inner in value.items()) + "}"
            )
        case list():
            return f"[{', '.join(map(toml, value))}]"
        case float():
            return repr(value)
        case _:
            return json.dumps(value if value is not None else "")
