"""The templates of replies: exactly their variables, nobody's text is run, and each of them is used."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coach.adapters.packaged_data import data_folder
from coach.adapters.prompt_files import PromptFiles
from coach.domain.errors import PromptError
from coach.domain.safety import SafetyKind
from coach.services import compose, model_request, model_writer

GREETING = '---\npurpose: "Greets."\nvariables: [name]\n---\nHello {{ name }}.\n'
FILLED_IN = {"safety/": get_args(SafetyKind), "replies/": ("about-coach", "thanks")}
"""What the composer may put behind a name that it completes at run time."""


@pytest.fixture(scope="module")
def ours() -> PromptFiles:
    return PromptFiles(data_folder("prompts"))


def one(folder: Path, text: str) -> PromptFiles:
    """The templates of a folder that holds one, named `greeting`."""
    folder.mkdir(exist_ok=True)
    (folder / "greeting.md").write_text(text, encoding="utf-8")
    return PromptFiles(folder)


def test_a_template_is_rendered_with_its_variables(tmp_path: Path) -> None:
    assert one(tmp_path, GREETING).render("greeting", name="Priya") == "Hello Priya."


def test_a_template_in_a_folder_is_named_by_its_path(tmp_path: Path) -> None:
    one(tmp_path / "replies", GREETING)
    assert list(PromptFiles(tmp_path).templates) == ["replies/greeting"]


def test_a_missing_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"'greeting'.*missing variables \['name'\]"):
        one(tmp_path, GREETING).render("greeting")


def test_an_unused_variable_is_named(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"'greeting'.*unused variables \['mood'\]"):
        one(tmp_path, GREETING).render("greeting", name="Priya", mood="flat")


def test_an_unknown_template_is_named(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="'farewell'"):
        one(tmp_path, GREETING).render("farewell")


def test_an_attribute_that_a_value_lacks_is_an_error_and_not_an_empty_place(tmp_path: Path) -> None:
    prompts = one(tmp_path, GREETING.replace("{{ name }}", "{{ name.first }}"))
    with pytest.raises(PromptError, match="first"):
        prompts.render("greeting", name="Priya")


def test_a_value_of_the_wrong_kind_is_an_error_of_that_prompt(tmp_path: Path) -> None:
    prompts = one(tmp_path, GREETING.replace("{{ name }}", "{{ name | length }}"))
    with pytest.raises(PromptError, match="greeting"):
        prompts.render("greeting", name=3)


def test_functions_are_no_variables(tmp_path: Path) -> None:
    (tmp_path / "greeting.md").write_text(GREETING.replace("{{ name }}", "{{ loud(name) }}"), encoding="utf-8")
    assert PromptFiles(tmp_path, {"loud": str.upper}).render("greeting", name="Priya") == "Hello PRIYA."


@pytest.mark.parametrize(
    "text",
    [
        "Hello {{ name }}.",
        "---\npurpose: greets\nvariables: [name]\nHello {{ name }}.",
        GREETING.replace('purpose: "Greets."\n', ""),
        GREETING.replace("variables: [name]\n", ""),
        GREETING.replace("[name]", "[name, mood]"),
        GREETING.replace("[name]", "[]"),
        GREETING.replace("[name]", "5"),
        GREETING.replace('"Greets."', '"Greets.'),
        "---\njust words\n---\nHello {{ name }}.",
        GREETING.replace("{{ name }}", "{{ name"),
        GREETING.replace("{{ name }}", "{% if name %}"),
        "",
    ],
    ids=[
        "no header",
        "open header",
        "no purpose",
        "no variables",
        "declared without use",
        "used undeclared",
        "variables that are no list",
        "header that is no YAML",
        "header without fields",
        "open expression",
        "open block",
        "empty",
    ],
)
def test_a_faulty_file_is_named_when_the_templates_are_read(tmp_path: Path, text: str) -> None:
    with pytest.raises(PromptError, match="'greeting'"):
        one(tmp_path, text)


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    (tmp_path / "greeting.md").write_bytes(GREETING.replace("Hello", "Grüß dich").encode("latin-1"))
    with pytest.raises(PromptError, match="'greeting'"):
        PromptFiles(tmp_path)


@given(text=st.text(max_size=80) | st.sampled_from(["{{ 7 * 7 }}", "{% if x %}", "{# gone #}", "---", "{{ name }}"]))
def test_what_a_user_wrote_stays_text(ours: PromptFiles, text: str) -> None:
    written = f"{text}{{{{ 7 * 7 }}}}{{% raw %}}"
    values = {"kind": "approach", "name": "", "promise": None, "card": None}
    assert f"I am thinking about {written}, and" in ours.render("replies/draft", subject=written, **values)


@pytest.mark.parametrize(
    "body",
    [
        "{{ name.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''.__class__.__base__ }}{{ name }}",
        "{{ name.append('x') }}",
        "{{ name.__init__.__globals__['x'] }}",
    ],
)
def test_a_template_reaches_nothing_behind_its_variables(tmp_path: Path, body: str) -> None:
    prompts = one(tmp_path, GREETING.replace("{{ name }}", body))
    with pytest.raises(PromptError):
        prompts.render("greeting", name=["Priya"])


def test_the_digest_changes_when_a_file_changes_and_only_then(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.md").write_text(GREETING, encoding="utf-8")
    before = PromptFiles(tmp_path).digest
    assert PromptFiles(tmp_path).digest == before
    for path, change in itertools.product(sorted(tmp_path.iterdir()), ("Hello", "Greets.")):
        path.write_text(GREETING.replace(change, "Good evening."), encoding="utf-8")
        assert PromptFiles(tmp_path).digest != before, path.name
        path.write_text(GREETING, encoding="utf-8")
    assert PromptFiles(tmp_path).digest == before


def test_every_prompt_file_is_rendered_and_every_name_that_is_rendered_exists(ours: PromptFiles) -> None:
    assert set(_names_used()) == set(ours.templates)


def test_every_prompt_says_what_it_is_for(ours: PromptFiles) -> None:
    assert not [name for name, template in ours.templates.items() if not template.purpose.endswith(".")]


def _names_used() -> Iterator[str]:
    """Names of templates in the sources that render them; one that is completed at run time stands for all it can be."""
    for module in (compose, model_request, model_writer):
        yield from _names_used_in(ast.parse(Path(module.__file__).read_text(encoding="utf-8")))


def _names_used_in(tree: ast.Module) -> Iterator[str]:
    joined = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)]
    inside = {id(part) for node in joined for part in node.values}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and id(node) not in inside
            and str(node.value).startswith((*FILLED_IN, "model/"))
        ):
            yield str(node.value)
    for node in joined:
        first = node.values[0]
        if isinstance(first, ast.Constant) and first.value in FILLED_IN:
            yield from (f"{first.value}{ending}" for ending in FILLED_IN[str(first.value)])
