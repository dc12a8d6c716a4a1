"""Jobs: commands with typed parameters, and never a shell."""

import json
import string
import sys

import pytest
from hypothesis import given, strategies as st

from bot.config import JobConfig, ParameterConfig, WrongParameter


def job(command, **parameters):
    return JobConfig.model_validate({"command": command, "parameters": parameters})


WRONG = [
    ('command = "deploy staging"', "command", "a list of texts"),
    ("command = []", "command", "a list of texts"),
    ('command = ["deploy", 3]', "command", "a list of texts"),
    ("timeout = 3", "command", "there is no default"),
    ('command = ["deploy", "{tag"]', "command", "{name}"),
    ('command = ["deploy", "tag}"]', "command", "{name}"),
    ('command = ["deploy", "{}"]', "command", "{name}"),
    ('command = ["deploy", "{a.b}"]', "command", "{name}"),
    ('command = ["deploy", "a\\u0000b"]', "command", "NUL"),
    ('command = ["{tag}"]\nparameters.tag = {}', "command", "does not depend on a parameter"),
    ('command = [""]', "command", "a program"),
    ('command = ["deploy", "{tag}"]', "", "placeholders of declared parameters"),
    ('command = ["deploy"]\nparameters.tag = {}', "", "parameters that the command uses"),
    ('command = ["deploy"]\ntimeout = "25h"', "timeout", "1d"),
    ('command = ["deploy"]\nshell = true', "shell", "command"),
    ('command = ["deploy"]\nenvironment_variables = ["A=B"]', "environment_variables.0", "environment variable"),
    ('command = ["deploy", "{tag}"]\nparameters.tag = { pattern = "[" }', "parameters.tag.pattern", "regular"),
    ('command = ["deploy", "{tag}"]\nparameters.tag = { minimum = 1 }', "parameters.tag", "integer"),
    ('command = ["d", "{n}"]\nparameters.n = { type = "integer", pattern = "x" }', "parameters.n", "string"),
    ('command = ["d", "{n}"]\nparameters.n = { type = "integer", minimum = 2, maximum = 1 }', "parameters.n", ""),
    ('command = ["d", "{n}"]\nparameters.n = { type = "integer", default = "x" }', "parameters.n", "a default"),
    ('command = ["d", "{n}"]\nparameters.n = { choices = ["-x"] }', "parameters.n", "begin with -"),
    ('command = ["d", "{n}"]\nparameters.n = { choices = ["a"], default = "b" }', "parameters.n", "one of a"),
    ('command = ["d", "{n}"]\nparameters.n = { type = "float" }', "parameters.n.type", "'boolean'"),
    ('command = ["d", "{N}"]\nparameters.N = {}', "command", "{name}"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "key", "allowed"), WRONG)
def test_a_job_that_cannot_be_meant_is_refused(write, refuse, text, key, allowed):
    write(f"[jobs.deploy]\n{text}\n")

    (problem, *_) = refuse()

    assert problem.key == ".".join(["jobs.deploy", *([key] if key else [])])
    assert allowed in problem.allowed


def test_a_working_directory_that_does_not_exist_is_refused(write, refuse, read):
    write('[jobs.deploy]\ncommand = ["true"]\ndirectory = "nowhere"\n')

    problems = refuse({"ANTHROPIC_API_KEY": "sk-ant-x-y-z"}, look=False)

    assert [problem.key for problem in problems] == ["jobs.deploy.directory"]
    assert read().jobs["deploy"].folder.name == "nowhere"


def test_a_working_directory_is_relative_to_the_config_file(write, read, tmp_path):
    (tmp_path / "work").mkdir()
    write('[jobs.deploy]\ncommand = ["true"]\ndirectory = "work"\n[jobs.other]\ncommand = ["true"]\n')

    jobs = read().jobs

    assert jobs["deploy"].folder == (tmp_path / "work").resolve()
    assert jobs["other"].folder == tmp_path.resolve()


@pytest.mark.parametrize(
    ("parameter", "given", "says"),
    [
        ({}, 3, "a text"),
        ({}, "", "empty"),
        ({}, "-rf", "begin with -"),
        ({}, "a\nb", "line break"),
        ({}, "a\0b", "cannot be shown"),
        ({}, "\u202eb", "cannot be shown"),
        ({}, "x" * 101, "at most 100"),
        ({"pattern": "[a-z]+"}, "abc\n", "line break"),
        ({"pattern": "[a-z]+"}, "abc1", "match"),
        ({"choices": ["staging", "production"]}, "prod", "staging, production"),
        ({"type": "integer"}, "three", "whole number"),
        ({"type": "integer"}, True, "whole number"),
        ({"type": "integer"}, 2.0, "whole number"),
        ({"type": "integer", "minimum": 1}, 0, "at least 1"),
        ({"type": "integer", "maximum": 9}, "10", "at most 9"),
        ({"type": "integer"}, -5, "begin with -"),
        ({"type": "boolean"}, 1, "true or false"),
        ({"type": "boolean"}, "yes", "true or false"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_words(parameter, given, says):
    tag = ParameterConfig.model_validate(parameter)

    with pytest.raises(WrongParameter, match=says):
        tag.value(given)


@pytest.mark.parametrize(
    ("parameter", "given", "value"),
    [
        ({}, "v1.2; rm -rf /", "v1.2; rm -rf /"),
        ({"allow_leading_dash": True}, "-v", "-v"),
        ({"pattern": "[a-z]*"}, "", ""),
        ({"type": "integer"}, "12", 12),
        ({"type": "integer", "allow_leading_dash": True}, -5, -5),
        ({"type": "boolean"}, "True", True),
        ({"type": "integer", "choices": [1, 2]}, 2, 2),
    ],
)
def test_a_value_that_fits_is_taken_as_its_type(parameter, given, value):
    taken = ParameterConfig.model_validate(parameter).value(given)

    assert (taken, type(taken)) == (value, type(value))


def test_every_parameter_is_given_or_has_a_default():
    deploy = job(["deploy", "{tag}", "{count}"], tag={"default": "latest"}, count={"type": "integer"})

    assert deploy.values({"count": 3}) == {"tag": "latest", "count": 3}
    with pytest.raises(WrongParameter, match="count: it has to be given"):
        deploy.values({})
    with pytest.raises(WrongParameter, match="tog: no such parameter; tag, count"):
        deploy.values({"tog": "x", "count": 1})
    with pytest.raises(WrongParameter, match="count: a whole number"):
        deploy.values({"count": "x"})


def test_python_is_the_one_that_runs_the_bot():
    assert job(["python3", "x.py"]).argv({}) == (sys.executable, "x.py")
    assert job(["ls"]).argv({}) == ("ls",)


def test_a_job_sees_nothing_of_our_environment_but_what_is_named():
    deploy = JobConfig.model_validate(
        {"command": ["true"], "environment_variables": ["DEPLOY_LOG", "NOT_SET"]}
    )

    seen = deploy.environ({"PATH": "/bin", "DEPLOY_LOG": "x", "ANTHROPIC_API_KEY": "secret"})

    assert seen == {"PATH": "/bin", "DEPLOY_LOG": "x"}


@given(
    st.text(alphabet=string.printable + "äß{}", max_size=30).filter(lambda text: text and text.isprintable())
)
def test_whatever_a_value_is_it_stays_one_argument(value):
    deploy = job(["deploy", "--tag={tag}", "{{{tag}}}", "end"], tag={"allow_leading_dash": True})

    argv = deploy.argv(deploy.values({"tag": value}))

    assert argv == ("deploy", f"--tag={value}", f"{{{value}}}", "end")


@given(st.text(max_size=20).filter(lambda text: "\0" not in text))
def test_an_argument_with_doubled_braces_is_itself(text):
    escaped = text.replace("{", "{{").replace("}", "}}")

    assert job(["run", escaped]).argv({}) == ("run", text)
    assert json.loads(json.dumps(job(["run", escaped]).model_dump(mode="json")))["unsafe"] is True
