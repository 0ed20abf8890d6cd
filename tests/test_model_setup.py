"""What is known of the chat model that is set: where it is, what it costs, whether it answers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from langchain_core.language_models import BaseChatModel, FakeListChatModel

from coach.domain.errors import ConfigurationError, ModelUnavailable
from coach.services.model_setup import ModelSetup, Price, address_for, model_setup, place_of

HOME = "http://127.0.0.1:8080/v1"


def setup(
    model: Callable[[], BaseChatModel], *, name: str = "openai:small", url: str = HOME, price: str = ""
) -> ModelSetup:
    return model_setup(name, url=url, window=4096, price=price, model=model, translate=lambda _: ModelUnavailable("no"))


def never() -> BaseChatModel:
    raise AssertionError("the model was opened")


@pytest.mark.parametrize(
    ("name", "url", "place"),
    [
        ("openai:small", HOME, "this machine"),
        ("openai:small", "http://localhost:11434/v1", "this machine"),
        ("openai:small", "http://[::1]:8080/v1", "this machine"),
        ("openai:small", "https://gateway.example.org:8443/v1", "gateway.example.org"),
        ("openai:small", "http://127.0.0.1.example.org/v1", "127.0.0.1.example.org"),
        ("openai:small", "http://192.168.1.7:8080/v1", "192.168.1.7"),
        ("openai:small", "", "openai"),
        ("anthropic:small", "", "anthropic"),
        ("anthropic:small", HOME, "anthropic"),
        ("bundled", "https://gateway.example.org/v1", "this machine"),
    ],
)
def test_the_place_is_this_machine_a_host_or_a_provider(name: str, url: str, place: str) -> None:
    assert place_of(name, url) == place
    if name != "bundled":
        made = setup(never, name=name, url=url)
        assert (made.place, made.is_local) == (place, place == "this machine")


def test_an_address_is_for_openai_alone() -> None:
    assert address_for("openai:small", HOME) == HOME
    assert address_for("anthropic:small", HOME) == ""


def test_a_price_is_of_what_is_sent_and_of_what_is_written() -> None:
    assert Price.read(" 0.15 / 0.60 ") == Price(sent=0.15, written=0.6)
    assert Price.read("3/15") == Price(3.0, 15.0)
    assert Price.read("") is None
    assert setup(never, price="0/2").price == Price(0.0, 2.0)


@pytest.mark.parametrize("text", ["0.15", "0.15/", "a/b", "-1/2", "1/2/3", "0,15/0,60", "1e3/2", "nan/1", "$1/$2"])
def test_what_is_no_price_is_shown_the_form(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"COACH_MODEL_PRICE is .*0\.15/0\.60"):
        Price.read(text)


def test_the_connection_test_asks_the_model_and_says_where_it_answered() -> None:
    model = FakeListChatModel(responses=["Hello."])

    assert setup(lambda: model).connection_test().startswith("openai:small on this machine began to answer within ")
    remote = setup(lambda: model, url="https://gateway.example.org/v1")
    assert remote.connection_test().startswith("openai:small at gateway.example.org began to answer within ")


def test_a_model_that_says_nothing_has_not_answered() -> None:
    with pytest.raises(ModelUnavailable, match=r"^no$"):
        setup(lambda: FakeListChatModel(responses=[""])).connection_test()


def test_a_model_that_cannot_be_opened_is_told_apart_by_its_own_reason() -> None:
    def unopened() -> BaseChatModel:
        raise ModelUnavailable("There is no key for it.")

    with pytest.raises(ModelUnavailable, match="no key"):
        setup(unopened).connection_test()
