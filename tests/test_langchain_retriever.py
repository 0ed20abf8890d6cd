"""Library and notes as retrievers of any LangChain program."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from langchain_core.runnables import RunnableLambda

from coach.domain.people import Owner
from coach.ports import Scope
from coach.services.langchain_retriever import KnowledgeRetriever, NotesRetriever
from coach.services.passages import Citable
from tests.fakes.small_world import SmallWorld, small_world

ADA, BEN = Owner("ada"), Owner("ben")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[SmallWorld]:
    made = small_world(tmp_path / "library")
    yield made
    made.close()


def knowledge(world: SmallWorld, kind: Citable = "card", top_k: int = 8) -> KnowledgeRetriever:
    return KnowledgeRetriever(retrieval=world.retrieval, passages=world.passages, kind=kind, top_k=top_k)


def notes(world: SmallWorld, owner: Owner, scope: Scope | None = None) -> NotesRetriever:
    return NotesRetriever(retrieval=world.retrieval, owner=owner, scope=scope or Scope())


def test_a_card_is_found_whole_with_its_origin(world: SmallWorld) -> None:
    first, *_ = knowledge(world).invoke("how does a wish turn into a goal with a scene")
    card = world.knowledge.cards["goal-needs-a-scene"]
    assert first.page_content == card.text
    assert first.metadata["id"] == card.id
    assert first.metadata["title"] == card.title
    assert "Seijts" in first.metadata["byline"]
    assert 0 <= first.metadata["score"] <= 1


@pytest.mark.parametrize("kind", ["card", "question", "framing", "resource"])
def test_every_kind_that_can_be_cited_can_be_retrieved(world: SmallWorld, kind: Citable) -> None:
    documents = knowledge(world, kind).invoke("a goal to learn while the task is new")
    assert documents
    assert {document.metadata["kind"] for document in documents} == {kind}
    assert all(document.page_content for document in documents)
    scores = [document.metadata["score"] for document in documents]
    assert scores == sorted(scores, reverse=True)


def test_no_more_are_given_than_wanted(world: SmallWorld) -> None:
    assert len(knowledge(world, "question", top_k=1).invoke("what is worth our time")) == 1


def test_a_chunk_is_given_with_its_place_in_the_note(world: SmallWorld) -> None:
    note = world.add_note("Dan offered her a place.", owner=ADA, name="Priya", day=date(2026, 10, 12))
    (document,) = notes(world, ADA).invoke("what did Dan offer")
    start, end = document.metadata["start"], document.metadata["end"]
    assert note.text[start:end] == document.page_content
    assert document.metadata["note_id"] == note.id
    assert document.metadata["date"] == "2026-10-12"


def test_a_note_without_a_date_has_none(world: SmallWorld) -> None:
    world.add_note("Dan offered her a place.", owner=ADA)
    (document,) = notes(world, ADA).invoke("what did Dan offer")
    assert document.metadata["date"] is None


def test_a_note_of_another_owner_is_not_found(world: SmallWorld) -> None:
    world.add_note("Dan offered her a place.", owner=ADA)
    mine = world.add_note("Dan asked for nothing.", owner=BEN)
    assert {d.metadata["note_id"] for d in notes(world, BEN).invoke("what did Dan offer")} == {mine.id}
    assert notes(world, Owner("cleo")).invoke("what did Dan offer") == []


def test_a_scope_limits_the_notes(world: SmallWorld) -> None:
    about_priya = world.add_note("Dan offered her a place.", owner=ADA, name="Priya", day=date(2026, 10, 12))
    world.add_note("Dan offered him a place.", owner=ADA, name="Kofi", day=date(2026, 3, 9))
    for scope in (Scope(relationship_id=about_priya.relationship_id), Scope(since=date(2026, 10, 1))):
        assert {d.metadata["note_id"] for d in notes(world, ADA, scope).invoke("Dan offered")} == {about_priya.id}


def test_a_retriever_is_a_part_of_a_chain(world: SmallWorld) -> None:
    titles = knowledge(world, top_k=1) | RunnableLambda(lambda documents: [d.metadata["title"] for d in documents])
    assert titles.invoke("somebody says what the hour is for") == ["Say what the hour is for"]


def test_asynchronously_the_same_is_found(world: SmallWorld) -> None:
    found = asyncio.run(knowledge(world).ainvoke("a scene for a goal"))
    assert found == knowledge(world).invoke("a scene for a goal")
