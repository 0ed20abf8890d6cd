"""Chat models through langchain: how one is opened, what leaves for where, and what its errors mean."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from email.utils import formatdate
from types import SimpleNamespace

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.exceptions import ContextOverflowError, ModelRateLimitError
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage
from pydantic import SecretStr

from coach.adapters.chat_models import OPENAI_URL, fault_of, open_chat_model
from coach.domain.errors import ConfigurationError, ModelFault, ModelUnavailable
from coach.domain.privacy import is_local
from tests.fakes.chat_server import (
    Behaviour,
    ChatServer,
    answer,
    fail,
    redirect,
    say_html,
    say_nothing,
    unused_url,
)

KEY = SecretStr("sk-very-secret")
OPENAI_VARIABLES = (
    "OPENAI_API_KEY",
    "OPENAI_ADMIN_KEY",
    "OPENAI_API_BASE",
    "OPENAI_BASE_URL",
    "OPENAI_ORG_ID",
    "OPENAI_PROXY",
    "LANGSMITH_GATEWAY",
)


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OPENAI_VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    with ChatServer() as server:
        yield server


def opened(server: ChatServer, api_key: SecretStr = KEY) -> BaseChatModel:
    return open_chat_model("openai:small-model", url=server.url, api_key=api_key)


def fault(call: Callable[[], object]) -> ModelUnavailable:
    """What the error of a call means."""
    try:
        call()
    except Exception as error:  # noqa: BLE001
        return fault_of(error)
    raise AssertionError("nothing was raised")


# Opening


@pytest.mark.parametrize("model", ["gpt-5-mini", "openai:", "openai: ", ":gpt-5-mini", " "])
def test_a_name_without_provider_or_model_is_told_what_the_form_is(model: str) -> None:
    with pytest.raises(ConfigurationError, match="provider:model"):
        open_chat_model(model, api_key=KEY)


def test_what_is_no_provider_is_named_and_told_what_the_form_is() -> None:
    with pytest.raises(ConfigurationError, match=r"'llama3' is no provider.*provider:model"):
        open_chat_model("llama3:8b", api_key=KEY)


def test_a_provider_whose_package_is_missing_names_the_package() -> None:
    with pytest.raises(ConfigurationError, match="pip install langchain-anthropic"):
        open_chat_model("anthropic:claude-something", api_key=KEY)


def test_a_package_is_named_by_its_name_and_not_by_a_module_in_it() -> None:
    with pytest.raises(ConfigurationError, match=r"pip install langchain-google-vertexai$"):
        open_chat_model("google_anthropic_vertex:claude-something")


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8080", "localhost:8080/v1", "ftp://127.0.0.1/v1", "http://", "http://x:port/v1", "http://[::1"]
)
def test_an_address_that_cannot_be_one_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="COACH_MODEL_URL"):
        open_chat_model("openai:small-model", url=url)


def test_openai_without_a_key_says_which_setting_lacks() -> None:
    with pytest.raises(ConfigurationError, match="COACH_API_KEY"):
        open_chat_model("openai:gpt-5-mini")


def test_another_provider_that_lacks_its_settings_says_so_without_repeating_what_it_was_given() -> None:
    with pytest.raises(ConfigurationError, match="COACH_API_KEY") as caught:
        open_chat_model("azure_openai:gpt-5-mini", api_key=KEY)

    assert KEY.get_secret_value() not in str(caught.value)


def test_the_key_is_in_no_text_of_the_model() -> None:
    model = open_chat_model("openai:gpt-5-mini", api_key=KEY)

    assert KEY.get_secret_value() not in f"{model!r} {model!s}"


# What leaves, and for where


def test_a_key_that_is_given_is_sent(chat_server: ChatServer) -> None:
    opened(chat_server).invoke("Hi")

    (request,) = chat_server.requests
    assert request.headers["authorization"] == "Bearer sk-very-secret"
    assert request.body["messages"] == [{"role": "user", "content": "Hi"}]
    assert request.body["model"] == "small-model"


def test_a_model_s_name_may_hold_a_colon_itself(chat_server: ChatServer) -> None:
    open_chat_model("openai:llama3.2:3b", url=chat_server.url).invoke("Hi")

    assert chat_server.requests[0].body["model"] == "llama3.2:3b"


def test_the_key_of_openai_in_the_environment_is_not_sent_to_another_server(
    chat_server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    monkeypatch.setenv("OPENAI_ADMIN_KEY", "sk-of-openai")

    opened(chat_server, SecretStr("")).invoke("Hi")

    assert "sk-of-openai" not in json.dumps(dict(chat_server.requests[0].headers))


def test_without_an_address_the_provider_looks_for_its_own_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")

    model = open_chat_model("openai:gpt-5-mini")

    assert model.openai_api_key.get_secret_value() == "sk-of-openai"  # type: ignore[attr-defined]


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "OPENAI_API_BASE", "LANGSMITH_GATEWAY"])
def test_no_variable_of_the_environment_sends_openai_s_messages_elsewhere(
    variable: str, chat_server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, chat_server.url)

    model = open_chat_model("openai:gpt-5-mini", api_key=KEY)

    assert str(model.root_client.base_url).rstrip("/") == OPENAI_URL  # type: ignore[attr-defined]


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "ALL_PROXY", "http_proxy", "all_proxy", "OPENAI_PROXY"])
def test_a_server_on_this_machine_is_asked_without_the_proxy_of_the_environment(
    variable: str, chat_server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, unused_url())

    assert opened(chat_server).invoke("Hi").text == "All is well."


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int, chat_server: ChatServer) -> None:
    with ChatServer() as elsewhere:
        chat_server.will(redirect(f"{elsewhere.url}/chat/completions", status))

        meant = fault(lambda: opened(chat_server).invoke("Hi"))

        assert str(status) in str(meant)
        assert elsewhere.requests == []


def test_a_request_is_sent_once_whatever_comes_of_it(chat_server: ChatServer) -> None:
    chat_server.otherwise = fail(503)

    fault(lambda: opened(chat_server).invoke("Hi"))

    assert len(chat_server.requests) == 1


# Errors


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (fail(401, f"Incorrect API key provided: {KEY.get_secret_value()}"), "unauthorised"),
        (fail(403), "unauthorised"),
        (fail(404, "The model does not exist", code="model_not_found"), "unknown-model"),
        (fail(400, "model 'small-model' not found, try pulling it first"), "unknown-model"),
        (say_html(404), "unknown-model"),
        (fail(402), "rate-limited"),
        (fail(429), "rate-limited"),
        (fail(408), "too-slow"),
        (fail(504), "too-slow"),
        (fail(502), "overloaded"),
        (fail(503, "Loading model"), "overloaded"),
        (fail(529), "overloaded"),
        (fail(500), "other"),
        (fail(400), "other"),
        (fail(418), "other"),
        (fail(400, "This model's maximum context length is 8192 tokens.", code="context_length_exceeded"), "too-long"),
        (fail(400, "request (5000 tokens) exceeds the available context size (4096 tokens)"), "too-long"),
        (fail(400, "prompt is too long: 210000 tokens > 200000 maximum"), "too-long"),
        (say_html(200), "malformed"),
    ],
)
def test_a_refusal_is_told_in_plain_words(behaviour: Behaviour, kind: ModelFault, chat_server: ChatServer) -> None:
    chat_server.will(behaviour)

    meant = fault(lambda: opened(chat_server).invoke("Hi"))

    assert meant.kind == kind
    assert_plain(str(meant))


def assert_plain(text: str) -> None:
    """A sentence, with nothing of a program in it, and nothing secret."""
    assert text[0].isupper()
    assert text[-1] in ".?"
    for odd in ("Error", "Exception", "Traceback", "{", "<", "None", KEY.get_secret_value(), "openai", "httpx"):
        assert odd not in text


def test_an_address_at_which_nobody_listens_is_refused_and_named() -> None:
    url = unused_url()

    meant = fault(lambda: open_chat_model("openai:small-model", url=url, api_key=KEY).invoke("Hi"))

    assert meant.kind == "refused"
    assert url.removeprefix("http://").removesuffix("/v1") in str(meant)
    assert_plain(str(meant))


def test_an_address_is_named_without_what_it_may_hold_of_a_key() -> None:
    url = unused_url().replace("http://", "http://me:sk-very-secret@")

    meant = fault(lambda: open_chat_model("openai:small-model", url=f"{url}?key=sk-very-secret").invoke("Hi"))

    assert meant.kind == "refused"
    assert "secret" not in str(meant)


def test_a_name_that_leads_nowhere_is_unreachable() -> None:
    lost = httpx.ConnectError("[Errno -2] Name or service not known")

    assert fault_of(lost).kind == "unreachable"
    assert_plain(str(fault_of(lost)))


def test_a_server_that_never_answers_is_too_slow_even_without_the_stream_s_limits(chat_server: ChatServer) -> None:
    chat_server.will(say_nothing())
    model = opened(chat_server)

    meant = fault(lambda: model.invoke("Hi", timeout=0.2))

    assert meant.kind == "too-slow"
    assert chat_server.request().was_left.wait(1)


def test_how_long_to_wait_is_read_in_seconds(chat_server: ChatServer) -> None:
    chat_server.will(fail(429, headers={"Retry-After": "17"}))

    meant = fault(lambda: opened(chat_server).invoke("Hi"))

    assert meant.retry_after_s == 17
    assert "17 seconds" in str(meant)


def test_how_long_to_wait_is_read_from_a_date(chat_server: ChatServer) -> None:
    chat_server.will(fail(503, headers={"Retry-After": formatdate(time.time() + 90, usegmt=True)}))

    meant = fault(lambda: opened(chat_server).invoke("Hi"))

    assert meant.retry_after_s == pytest.approx(90, abs=5)


@pytest.mark.parametrize("text", ["soon", "-5", "nan", "inf", "1e9", "", "Mon, 99 Foo 2020"])
def test_a_time_to_wait_that_is_none_is_left_out(text: str, chat_server: ChatServer) -> None:
    chat_server.will(fail(429, headers={"Retry-After": text}))

    meant = fault(lambda: opened(chat_server).invoke("Hi"))

    assert meant.kind == "rate-limited"
    assert meant.retry_after_s is None


def test_a_date_that_has_passed_is_no_wait(chat_server: ChatServer) -> None:
    chat_server.will(fail(429, headers={"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}))

    assert fault(lambda: opened(chat_server).invoke("Hi")).retry_after_s == 0


def test_an_account_without_credit_is_told_apart_from_too_many_requests(chat_server: ChatServer) -> None:
    chat_server.will(fail(429, "You exceeded your current quota", code="insufficient_quota"))

    meant = fault(lambda: opened(chat_server).invoke("Hi"))

    assert "no credit" in str(meant)
    assert meant.retry_after_s is None


class AnthropicLike(Exception):
    """How other providers' packages tell a status: as an attribute, beside the response."""

    def __init__(self, status_code: int, headers: dict[str, str]) -> None:
        super().__init__("something in their words")
        self.status_code = status_code
        self.response = SimpleNamespace(status_code=status_code, headers=headers)


class GoogleLike(Exception):
    def __init__(self, code: int) -> None:
        super().__init__("something in their words")
        self.code = code


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AnthropicLike(529, {}), "overloaded"),
        (AnthropicLike(429, {"retry-after": "3"}), "rate-limited"),
        (GoogleLike(403), "unauthorised"),
        (httpx.ConnectTimeout("slow"), "unreachable"),
        (httpx.ReadTimeout("slow"), "too-slow"),
        (httpx.RemoteProtocolError("peer closed connection"), "cut-off"),
        (TimeoutError(), "too-slow"),
        (ConnectionRefusedError(), "refused"),
        (ContextOverflowError(), "too-long"),
        (ModelRateLimitError(), "rate-limited"),
        (KeyError("choices"), "malformed"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"), "malformed"),
        (RuntimeError("something in their words"), "other"),
    ],
)
def test_errors_of_any_provider_are_understood(error: Exception, kind: ModelFault) -> None:
    meant = fault_of(error)

    assert meant.kind == kind
    assert_plain(str(meant))
    assert "their words" not in str(meant)


def test_the_cause_is_found_behind_other_errors() -> None:
    refused = ExceptionGroup("attempts", [ConnectionRefusedError()])
    outer = RuntimeError("could not")
    outer.__cause__ = refused
    outer.__context__ = outer  # a circle, which must not hold anybody up

    assert fault_of(outer).kind == "refused"


def test_what_is_already_in_plain_words_stays_as_it_is() -> None:
    plain = ModelUnavailable("The model is asleep.", kind="stalled")
    outer = RuntimeError("could not")
    outer.__cause__ = plain

    assert fault_of(outer) is plain


def test_an_answer_that_is_not_streamed_can_be_had_too(chat_server: ChatServer) -> None:
    chat_server.will(answer("One", " two."))

    assert opened(chat_server).invoke([HumanMessage("Hi")]).text == "One two."


# Where it is


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8080/v1",
        "http://LOCALHOST",
        "https://localhost/",
        "http://127.0.0.1:11434/v1",
        "http://127.8.9.10",
        "http://[::1]:8080/v1",
        "http://127.0.0.1:8080/v1?to=https://example.org",
    ],
)
def test_loopback_addresses_are_local(url: str) -> None:
    assert is_local(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8080",
        "127.0.0.1:8080",
        "http://",
        "http://example.org/v1",
        "http://192.168.1.10:8080",
        "http://10.0.0.1",
        "http://0.0.0.0:8080",
        "http://[::]:8080",
        "http://[fe80::1%25eth0]/",
        "http://localhost.example.org",
        "http://127.0.0.1.example.org",
        "http://localhost@example.org/",
        "http://example.org@localhost/",
        "http://127.0.0.1\\@example.org/",
        "http://127.0.0.1 .example.org/",
        "http://[::1]:port/",
        "http://[::1",
        "ftp://127.0.0.1/",
        "http://2130706433/",
        "http://127.1/",
        "http://example.org/http://127.0.0.1/",
        "http://example.org?://127.0.0.1/",
    ],
)
def test_any_other_address_is_not_local(url: str) -> None:
    assert not is_local(url)


@given(host=st.from_regex(r"[a-z0-9.-]{1,30}", fullmatch=True))
def test_a_name_is_local_only_where_it_is_localhost_or_a_loopback_number(host: str) -> None:
    numbers = host.split(".")
    is_loopback = len(numbers) == 4 and numbers[0] == "127" and all(n.isdigit() and int(n) < 256 for n in numbers)

    assert not is_local(f"http://{host}/v1") or host == "localhost" or is_loopback
