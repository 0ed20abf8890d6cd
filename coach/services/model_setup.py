"""What is to be known of the chat model that is set: its name, where it runs, what it reads and costs, whether it answers.

It is made in `coach.bootstrap`; what the model is asked is `coach.services.model_request`, and its answers are read by
`coach.services.model_stream`.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from coach.domain.errors import ConfigurationError, ModelUnavailable
from coach.domain.privacy import is_local

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

THIS_MACHINE = "this machine"
BUNDLED = "bundled"
"""The embedder that comes along."""

_PRICE = re.compile(r"\s*(\d{1,9}(?:\.\d{1,9})?)\s*/\s*(\d{1,9}(?:\.\d{1,9})?)\s*")


@dataclass(frozen=True, slots=True)
class Price:
    """Of a million tokens, in any one currency."""

    sent: float
    written: float

    @classmethod
    def read(cls, text: str) -> Price | None:
        """A price as it is set: "0.15/0.60"; None for an empty text.

        Raises:
            ConfigurationError: The text is no price.
        """
        if not text.strip():
            return None
        found = _PRICE.fullmatch(text)
        if found is None:
            raise ConfigurationError(
                f"COACH_MODEL_PRICE is {text!r}. Write what a million tokens cost, sent and written, as in 0.15/0.60."
            )
        return cls(float(found[1]), float(found[2]))


@dataclass(frozen=True, slots=True)
class ModelSetup:
    """The chat model that is set."""

    name: str
    """As it is set: provider:model."""
    place: str
    """"this machine", the host of the address that is set, or the provider's name."""
    is_local: bool
    """Whether it is asked at a loopback address, so that nothing leaves the machine."""
    window: int
    """Tokens that it reads and writes in one turn."""
    price: Price | None
    connection_test: Callable[[], str] = field(repr=False, compare=False)
    """Sends one tiny request and says in a sentence that the model answered; raises ModelUnavailable where it does not."""


def model_setup(
    name: str,
    *,
    url: str,
    window: int,
    price: str,
    model: Callable[[], BaseChatModel],
    translate: Callable[[BaseException], ModelUnavailable],
) -> ModelSetup:
    """The setup of a model that is named provider:model; nothing is opened or sent yet.

    Args:
        price: As it is set, or empty.
        model: Opens the model, for the connection test.
        translate: Says what an error of the model's library means.

    Raises:
        ConfigurationError: The price is none.
    """
    place = place_of(name, url)

    def connection_test() -> str:
        from coach.services import model_stream

        opened = model()
        began = time.perf_counter()
        model_stream.connection_test(opened, translate=translate)
        tenths = math.ceil(10 * (time.perf_counter() - began))
        at = "on this machine" if place == THIS_MACHINE else f"at {place}"
        return f"{name} {at} began to answer within {tenths / 10:g} s."

    return ModelSetup(
        name=name,
        place=place,
        is_local=place == THIS_MACHINE,
        window=window,
        price=Price.read(price),
        connection_test=connection_test,
    )


def address_for(name: str, url: str) -> str:
    """The address at which a model or an embedder is asked; empty for the provider's own, which only `openai:` can leave."""
    return url if provider_of(name) == "openai" else ""


def place_of(name: str, url: str) -> str:
    """Where what a model or an embedder is given goes: this machine, a host, or a provider whose address is its own."""
    if name == BUNDLED:
        return THIS_MACHINE
    address = address_for(name, url)
    if not address:
        return provider_of(name)
    return THIS_MACHINE if is_local(address) else urlsplit(address).hostname or provider_of(name)


def provider_of(name: str) -> str:
    """The provider in provider:model."""
    return name.partition(":")[0].strip()
