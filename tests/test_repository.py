"""The repository keeps its promises: README, locks, docstrings, sizes, spelling, and nothing of anybody's machine."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import click
import pytest
import yaml

from coach.cli.program import program
from coach.config import PREFIX, Settings
from coach.services import cues

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
LOCKS = ("requirements.lock", "requirements-dev.lock")
SHOWN_ELSEWHERE = {"examples", "docs"}
"""Folders at the top that the tree may leave out: examples of notes, and the picture at the head of the README."""
AMERICAN = (
    "analyze analyzed behavior behaviors canceled canceling catalog center centered color colors counselor defense"
    " favor favorite flavor fulfill gray honor humor labor math mom neighbor organization organize"
    " organized prioritize realize realized recognize recognized rigor savor skeptical"
    " skillful summarize summarized toward traveled traveling"
).split()
MODULES = sorted((ROOT / "coach").rglob("*.py"))


def tracked() -> list[Path]:
    """Files that are, or are about to be, in the repository; all but hidden folders where git does not know it."""
    listed = subprocess.run(
        ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        names = [ROOT / name.decode() for name in listed.stdout.split(b"\0") if name]
    else:
        names = [
            path for path in ROOT.rglob("*") if not any(part.startswith(".") for part in path.relative_to(ROOT).parts)
        ]
    return [path for path in names if path.is_file()]


FILES = tracked()


def at_top(*, folder: Path = ROOT) -> set[str]:
    """Names of tracked files and folders directly in a folder; folders end in a stroke."""
    relative = [path.relative_to(folder).parts for path in FILES if path.is_relative_to(folder)]
    return {parts[0] + "/" * (len(parts) > 1) for parts in relative}


def tree_in_readme() -> list[str]:
    """Lines of the annotated tree, the name with its indentation."""
    (block,) = re.findall(r"```\n(app\.py.*?)```", README, re.DOTALL)
    return [
        re.split(r"\s{2,}", line.rstrip())[0] if line[0] != " " else f"  {line.split()[0]}"
        for line in block.splitlines()
    ]


def test_the_tree_in_the_readme_is_the_tree() -> None:
    shown = {line for line in tree_in_readme() if not line.startswith(" ")}
    there = {name for name in at_top() if name.endswith(("/", ".py")) and not name.startswith(".")}
    assert shown - there == set()
    assert there - shown - {f"{name}/" for name in SHOWN_ELSEWHERE} == set()


def test_what_the_tree_shows_of_the_package_is_there() -> None:
    shown = {line.strip() for line in tree_in_readme() if line.startswith(" ")}
    assert shown <= at_top(folder=ROOT / "coach")


def test_everything_that_a_document_links_to_is_there() -> None:
    documents = [path for path in FILES if path.suffix == ".md" and path.parent == ROOT] + [
        ROOT / "knowledge" / "README.md"
    ]
    links = [
        (path, link)
        for path in documents
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text(encoding="utf-8"))
        if not link.startswith("http")
    ]
    assert links
    assert [f"{path.name}: {link}" for path, link in links if not (path.parent / link).exists()] == []


def test_every_file_that_the_documents_speak_of_is_there() -> None:
    named = re.findall(
        r"`((?:coach|evals|knowledge|prompts|tests)/[\w./-]*)`", README + (ROOT / "SECURITY.md").read_text()
    )
    assert named
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("target", sorted(set(re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE))))
def test_a_make_target_of_the_readme_exists(target: str) -> None:
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE)


def commands_in_readme() -> list[list[str]]:
    """Every `coach …` of the README, its words after the name; comments are cut off."""
    lines = re.findall(r"^coach (.+)$", README, re.MULTILINE) + re.findall(r"`coach ([^`]+)`", README)
    return [line.split("#")[0].split() for line in lines]


@pytest.mark.parametrize("words", commands_in_readme(), ids=" ".join)
def test_a_command_of_the_readme_exists_with_its_options(words: list[str]) -> None:
    command: click.Command = program
    context = click.Context(program, info_name="coach")
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, words
        command, words = found, words[1:]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word for word in words if word.startswith("-")} <= known


def test_the_python_of_the_readme_runs(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    monkeypatch.setenv("COACH_HOME", str(home))
    names: dict[str, object] = {}
    exec(compile(example, "README.md", "exec"), names)
    assert names["documents"]


def test_every_setting_is_in_the_readme() -> None:
    assert [field for field in Settings.model_fields if f"`{PREFIX}{field.upper()}`" not in README] == []


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_a_version_and_hashes_for_everything_and_no_index(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    entries = [entry for entry in re.split(r"\n(?=\S)", text.strip()) if not entry.startswith("#")]
    assert len(entries) > 20
    for entry in entries:
        assert re.match(r"[a-z0-9][a-z0-9._-]*==\S+", entry), entry[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry[:80]
    assert not re.search(r"://|--(?:extra-)?index-url|--find-links|^-[ief] ", text, re.MULTILINE)


def test_the_dev_lock_agrees_with_the_lock() -> None:
    versions = [
        dict(
            re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
        )
        for name in LOCKS
    ]
    assert {name: version for name, version in versions[0].items() if versions[1].get(name, version) != version} == {}


def test_what_builds_the_package_is_locked_for_development() -> None:
    locks = "".join((ROOT / name).read_text(encoding="utf-8") for name in LOCKS)
    assert re.search(r"^hatchling==", locks, re.MULTILINE)


def test_no_file_names_a_registry_or_a_place_on_somebodys_machine() -> None:
    # Written so that this very line is none of what it looks for.
    registry = r"(?:[p]ypi|[p]ythonhosted|[n]pmjs|[h]uggingface|[d]ocker)\.(?:org|com|io|co)\b|(?:[i]ndex-url|[f]ind-links)[ =]"
    place = r"(?<![\w.:/-])/(?:[w]ork|[r]oot|[h]ome/\w+|[U]sers/\w+|[o]pt/\w+)/"
    own = re.escape(str(ROOT)) + r"\b" if len(ROOT.parts) > 2 else place
    pattern = re.compile(f"{registry}|{place}|{own}")
    found = []
    for path in FILES:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            text = path.read_bytes().decode("latin-1")
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in pattern.finditer(text)]
    assert found == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_says_in_its_first_line_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    if not tree.body:
        assert path.name == "__init__.py"
        return
    docstring = ast.get_docstring(tree) or ""
    assert docstring.split("\n")[0].endswith((".", "?"))


def test_no_file_of_the_program_is_longer_than_600_lines() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES
    }
    assert {name: length for name, length in lengths.items() if length > 600} == {}


def test_no_function_of_the_program_is_longer_than_60_lines() -> None:
    long = {}
    for path in MODULES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > 60:
                    long[f"{path.relative_to(ROOT)}:{node.name}"] = length
    assert long == {}


def test_what_users_read_is_spelt_the_british_way() -> None:
    pattern = re.compile(rf"\b(?:{'|'.join(AMERICAN)})\b", re.IGNORECASE)
    texts = {path: path.read_text(encoding="utf-8") for path in [*(ROOT / "prompts").rglob("*.md"), ROOT / "README.md"]}
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}" for path, text in texts.items() for match in pattern.finditer(text)
    ]
    assert found == []


def test_the_root_holds_no_diary() -> None:
    assert not [
        name for name in at_top() if re.search(r"todo|status|notes|plan|diary|progress|scratch", name, re.IGNORECASE)
    ]


def test_the_taxonomy_is_the_one_that_the_program_speaks_of() -> None:
    taxonomy = yaml.safe_load((ROOT / "knowledge" / "taxonomy.yaml").read_text(encoding="utf-8"))
    assert {stage for stage, _ in cues.STAGES} <= {stage["id"] for stage in taxonomy["stages"]}
    assert {intent for intent, _ in cues.INTENTS} <= {intent["id"] for intent in taxonomy["intents"]}
    assert set(cues.FEELING_WORDS) <= {feeling["id"] for feeling in taxonomy["feelings"]}
