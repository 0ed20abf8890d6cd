"""Files and pasted text read into documents, and refused with a sentence where they cannot be."""

from __future__ import annotations

import io
import json
import os
import shutil
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import docx
import pypdf
import pytest
from docx.oxml import OxmlElement
from hypothesis import given, settings
from hypothesis import strategies as st

from coach.adapters.document_readers import ReadLimits, documents_in, read_document, read_text
from coach.domain.errors import UnreadableDocument
from coach.domain.notes import Document

DATA = Path(__file__).parent / "data"
TODAY = date(2026, 11, 23)
ZOOM = "GMT20261012-140000_Recording.transcript.vtt"
TEAMS = "Meeting with Priya-20261026_140312-Meeting Recording.vtt"
SRT = "priya-2026-11-09.srt"


def read(path: Path, *, own_name: str | None = None, limits: ReadLimits | None = None) -> Document:
    return read_document(path, today=TODAY, own_name=own_name, limits=limits)


def written(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(path: Path, *, limits: ReadLimits | None = None) -> str:
    """The sentence with which a file is refused; it names the file and not its folder."""
    with pytest.raises(UnreadableDocument) as caught:
        read(path, limits=limits)
    sentence = str(caught.value)
    assert sentence.startswith(path.name[:50])
    assert str(path.parent) not in sentence
    assert sentence.endswith(".")
    return sentence


def pdf_of(texts: list[str], *, password: str | None = None) -> bytes:
    """A PDF with a page a text, written by hand into pypdf's blank pages."""
    writer = pypdf.PdfWriter()
    for text in texts:
        page = writer.add_blank_page(600, 800)
        stream = pypdf.generic.DecodedStreamObject()
        lines = text.encode("latin-1").replace(b"(", rb"\(").replace(b")", rb"\)").split(b"\n")
        stream.set_data(
            b"BT /F1 12 Tf 14 TL 50 750 Td " + b" ".join(b"(" + line + b") Tj T*" for line in lines) + b" ET"
        )
        font = pypdf.generic.DictionaryObject(
            {
                pypdf.generic.NameObject("/Type"): pypdf.generic.NameObject("/Font"),
                pypdf.generic.NameObject("/Subtype"): pypdf.generic.NameObject("/Type1"),
                pypdf.generic.NameObject("/BaseFont"): pypdf.generic.NameObject("/Helvetica"),
            }
        )
        fonts = pypdf.generic.DictionaryObject({pypdf.generic.NameObject("/F1"): font})
        page[pypdf.generic.NameObject("/Resources")] = pypdf.generic.DictionaryObject(
            {pypdf.generic.NameObject("/Font"): fonts}
        )
        if text:
            page[pypdf.generic.NameObject("/Contents")] = writer._add_object(stream)
    if password is not None:
        writer.encrypt(password, "owner's", algorithm="AES-256")
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


def docx_of(build: Callable[[docx.document.Document], None]) -> bytes:
    document = docx.Document()
    build(document)
    buffer = io.BytesIO()
    document.save(buffer)
    return buffer.getvalue()


def repacked(package: bytes, changes: dict[str, bytes]) -> bytes:
    """A package with parts replaced or added."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(name, changes.get(name, old.read(name)))
        for name in changes.keys() - set(old.namelist()):
            new.writestr(name, changes[name])
    return buffer.getvalue()


# transcripts


def test_a_zoom_transcript_becomes_one_paragraph_a_turn() -> None:
    document = read(DATA / ZOOM, own_name="Sam Jones")
    assert document.text.split("\n\n") == [
        "Sam Jones: Hi Priya, good to see you. How was the week?",
        "Priya Shah: Busy. I put off the talk with Dan again. I keep thinking he'll hear it as me leaving, R&D is short"
        " of people as it is.",
        "Sam Jones: What would you like him to hear?",
        "Priya Shah: That I'd like to try product work: half a day a week, to begin with.",
    ]
    assert document.speakers == ("Sam Jones", "Priya Shah")
    assert (document.format, document.date, document.counterpart) == ("vtt", date(2026, 10, 12), "Priya Shah")
    assert document.title == "Session with Priya Shah"


def test_a_teams_transcript_keeps_its_voices() -> None:
    document = read(DATA / TEAMS, own_name="Sam Jones")
    assert document.text.split("\n\n") == [
        "Sam Jones: Where would you like to start today?",
        'Shah, Priya (Guest): With Dan, I suppose. I wrote to him & he said "fine".',
        "Sam Jones: And?",
        "Shah, Priya (Guest): And nothing.",
    ]
    assert document.speakers == ("Sam Jones", "Shah, Priya (Guest)")
    assert (document.title, document.date, document.counterpart) == ("Meeting with Priya", date(2026, 10, 26), "Priya")


def test_an_srt_transcript_is_read_like_the_others() -> None:
    document = read(DATA / SRT)
    assert document.text.split("\n\n") == [
        "Sam: What stayed with you from last time?",
        "Priya: The question about what Dan might be hoping for. I had never asked myself that.",
        "Sam: And now?",
    ]
    assert (document.format, document.date, document.counterpart) == ("srt", date(2026, 11, 9), "Priya")


def test_a_transcript_is_known_by_its_content(tmp_path: Path) -> None:
    renamed = written(tmp_path, "notes.txt", (DATA / ZOOM).read_bytes())
    assert read(renamed).format == "vtt"
    assert read(written(tmp_path, "other.txt", (DATA / SRT).read_bytes())).format == "srt"


def test_a_pasted_transcript_is_read_as_one() -> None:
    document = read_text((DATA / ZOOM).read_text(), today=TODAY, own_name="Sam")
    assert document.text == read(DATA / ZOOM).text
    assert (document.format, document.counterpart) == ("pasted", "Priya Shah")


def test_a_google_meet_transcript_as_text_names_its_speakers(tmp_path: Path) -> None:
    text = "Oct 12, 2026\n\nPriya / Sam - Transcript\n00:00:00\n" + "Sam Jones: Hi.\nPriya Shah: Hello.\n" * 4
    document = read(written(tmp_path, "Transcript.txt", text), own_name="Sam Jones")
    assert document.speakers == ("Sam Jones", "Priya Shah")
    assert (document.date, document.counterpart) == (date(2026, 10, 12), "Priya Shah")


def test_cues_without_speakers_become_plain_paragraphs(tmp_path: Path) -> None:
    cues = "".join(
        f"\n00:{n // 60:02}:{n % 60:02}.000 --> 00:59:59.000\nShe said one thing. Then another.\n" for n in range(40)
    )
    document = read(written(tmp_path, "a.vtt", f"WEBVTT\n{cues}"))
    assert document.speakers == ()
    assert 2 <= len(document.text.split("\n\n")) <= 6


def test_a_transcript_without_words_is_refused(tmp_path: Path) -> None:
    assert "nobody says anything" in refusal(written(tmp_path, "a.vtt", "WEBVTT\n\n00:00.000 --> 00:01.000\n\n"))


# Word


def test_a_word_document_keeps_its_order_headings_lists_and_tables() -> None:
    document = read(DATA / "session-3-with-priya.docx")
    lines = document.text.split("\n")
    assert lines[0] == "# Session 3 with Priya"
    assert lines[2] == "12 October 2026, by video"
    wanted = ["## What she brought", "- she has not asked anybody yet", "## Agreed", "| Priya | Write to Dan |"]
    assert [line for line in lines if line in wanted] == wanted
    assert (document.title, document.date, document.counterpart) == (
        "Session 3 with Priya",
        date(2026, 10, 12),
        "Priya",
    )
    assert document.format == "docx"


def test_a_word_documents_nested_tables_tracked_changes_and_controls_are_read(tmp_path: Path) -> None:
    def build(document: docx.document.Document) -> None:
        document.add_heading("Goals", level=2)
        document.add_paragraph("to lead", style="List Number")
        table = document.add_table(1, 2)
        table.cell(0, 0).text = "outer"
        table.cell(0, 1).add_table(1, 1).cell(0, 0).text = "inner"
        paragraph = document.add_paragraph("kept")
        for tag, words in (("w:ins", " added"), ("w:del", " removed")):
            change = OxmlElement(tag)
            run = OxmlElement("w:r")
            text = OxmlElement("w:t" if tag == "w:ins" else "w:delText")
            text.text = words
            text.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
            run.append(text)
            change.append(run)
            paragraph._p.append(change)
        control, content = OxmlElement("w:sdt"), OxmlElement("w:sdtContent")
        control.append(content)
        content.append(document.add_paragraph("in a control")._p)
        document.element.body.insert(0, control)

    text = read(written(tmp_path, "a.docx", docx_of(build))).text
    assert text == "in a control\n\n## Goals\n\n- to lead\n\n| outer | | inner | |\n\nkept added"


def test_a_package_that_is_no_word_document_is_refused(tmp_path: Path) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as made:
        made.writestr("xl/workbook.xml", "<workbook/>")
    assert "is not a Word document" in refusal(written(tmp_path, "a.docx", package.getvalue()))
    assert "is not a Word document" in refusal(written(tmp_path, "a.xlsx", package.getvalue()))


@pytest.mark.parametrize("cut", [0.3, 0.7, 0.95])
def test_a_damaged_word_document_is_refused(tmp_path: Path, cut: float) -> None:
    whole = (DATA / "session-3-with-priya.docx").read_bytes()
    assert "damaged" in refusal(written(tmp_path, "a.docx", whole[: int(len(whole) * cut)]))


def test_a_word_document_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    bomb = repacked(docx_of(lambda d: None), {"word/media/a.bin": bytes(3_000_000)})
    assert "unpacks to more than 2 MB" in refusal(
        written(tmp_path, "a.docx", bomb), limits=ReadLimits(unpacked_bytes=2 * 2**20)
    )


def test_a_package_that_lies_about_its_size_is_refused(tmp_path: Path) -> None:
    real = 50_000_000
    bomb = repacked(docx_of(lambda d: None), {"word/media/a.bin": bytes(real)})
    lying = bomb.replace(struct.pack("<I", real), struct.pack("<I", 100))
    assert lying != bomb
    assert "damaged" in refusal(written(tmp_path, "a.docx", lying), limits=ReadLimits(unpacked_bytes=2 * 2**20))


def test_entities_that_nest_are_refused(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
    xml = (
        f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e0 "lol">{entities}]>'
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        "<w:body><w:p><w:r><w:t>&e11;</w:t></w:r></w:p></w:body></w:document>"
    )
    bomb = repacked(docx_of(lambda d: None), {"word/document.xml": xml.encode()})
    assert "damaged" in refusal(written(tmp_path, "a.docx", bomb))


def test_elements_that_nest_deeply_are_refused(tmp_path: Path) -> None:
    xml = (
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"><w:body>'
        f"{'<w:sdt>' * 200}<w:p><w:r><w:t>a</w:t></w:r></w:p>{'</w:sdt>' * 200}</w:body></w:document>"
    )
    assert "damaged" in refusal(
        written(tmp_path, "a.docx", repacked(docx_of(lambda d: None), {"word/document.xml": xml.encode()}))
    )


def test_an_old_word_file_is_refused_with_the_way_out(tmp_path: Path) -> None:
    old = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
    assert "Save it as .docx" in refusal(written(tmp_path, "a.doc", old))
    assert "Save it as .docx" in refusal(written(tmp_path, "a.docx", old))


# PDF


def test_a_pdf_is_read_and_its_wrapped_lines_are_joined() -> None:
    document = read(DATA / "session-3-with-priya.pdf")
    assert document.text.startswith("Session 3 with Priya\n12 October 2026, by video\n")
    assert "“I don’t want him to think I’m leaving,” she said." in document.text
    assert "• she has not asked anybody yet\n" in document.text
    assert (document.title, document.date, document.counterpart) == (
        "Session 3 with Priya",
        date(2026, 10, 12),
        "Priya",
    )


def test_pages_are_paragraphs(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a.pdf", pdf_of(["One.", "Two."]))).text == "One.\n\nTwo."


def test_a_pdf_is_known_by_its_content(tmp_path: Path) -> None:
    assert read(written(tmp_path, "notes.txt", pdf_of(["One."]))).format == "pdf"


def test_an_encrypted_pdf_without_a_password_is_read(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a.pdf", pdf_of(["One."], password=""))).text == "One."


def test_a_pdf_with_a_password_is_refused(tmp_path: Path) -> None:
    assert "locked with a password" in refusal(written(tmp_path, "a.pdf", pdf_of(["One."], password="secret")))


def test_a_pdf_of_pictures_is_refused_with_the_way_out(tmp_path: Path) -> None:
    assert "run text recognition" in refusal(written(tmp_path, "a.pdf", pdf_of(["", ""])))


def test_a_pdf_of_more_than_a_thousand_pages_is_refused(tmp_path: Path) -> None:
    assert "1,001 pages and 1,000 is the most" in refusal(written(tmp_path, "a.pdf", pdf_of([""] * 1001)))


@pytest.mark.parametrize("content", [b"%PDF-1.7\n", b"%PDF-1.7\n" + b"\xff\x00garbage" * 100, pdf_of(["One."])[:300]])
def test_a_damaged_pdf_is_refused(tmp_path: Path, content: bytes) -> None:
    assert "damaged" in refusal(written(tmp_path, "a.pdf", content))


def test_a_pdf_with_more_text_than_a_note_may_have_is_refused(tmp_path: Path) -> None:
    sentence = refusal(written(tmp_path, "a.pdf", pdf_of(["word " * 30] * 5)), limits=ReadLimits(characters=300))
    assert "more than 300 characters" in sentence


# text


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Zoë’s plan".encode(), "Zoë’s plan"),
        ("Zoë’s plan".encode("utf-8-sig"), "Zoë’s plan"),
        ("Zoë’s plan".encode("utf-16"), "Zoë’s plan"),
        ("Zoë’s plan, and more of it".encode("utf-16-le"), "Zoë’s plan, and more of it"),
        ("Zoë’s plan".encode("utf-32"), "Zoë’s plan"),
        ("Zoë’s plan for the café".encode("cp1252"), "Zoë’s plan for the café"),
        ("Zoë’s plan, in part".encode() + b"\xff", "Zoë’s plan, in part\ufffd"),
        (b"a\r\nb\rc\n", "a\nb\nc"),
        (b"a\x00b\x07c\x1b[31m\td", "abc[31m\td"),
        ("a\u202eb\u2066c".encode(), "a\u202eb\u2066c"),
        ("a\u2028b\x0bc\x85d".encode(), "a\nb\nc\nd"),
        ("日本語のメモ".encode(), "日本語のメモ"),
    ],
)
def test_text_is_decoded_and_cleaned(tmp_path: Path, content: bytes, text: str) -> None:
    assert read(written(tmp_path, "notes.txt", content)).text == text


@pytest.mark.parametrize("encoding", ["cp1251", "shift-jis", "koi8-r", "gb2312"])
def test_text_in_an_unknown_encoding_is_refused_not_turned_into_noise(tmp_path: Path, encoding: str) -> None:
    text = "日本 会" * 20 if encoding in ("shift-jis", "gb2312") else "Встреча с Анной прошла хорошо. " * 5
    sentence = refusal(written(tmp_path, "notes.txt", text.encode(encoding)))
    assert "UTF-8" in sentence


def test_markdown_keeps_its_marks_and_says_what_it_is_about(tmp_path: Path) -> None:
    text = "---\ntitle: Growth\ndate: 2026-10-12\nmentee: Priya\n---\n\n# Notes\n\n* a"
    document = read(written(tmp_path, "a.md", text))
    assert document == Document(text, "Growth", date(2026, 10, 12), "Priya", "markdown")


@pytest.mark.parametrize("content", [b"", b" \n\t\r\n", b"\xef\xbb\xbf\n", b"\x00\x00\x00\n"])
@pytest.mark.parametrize("name", ["a.txt", "a.md"])
def test_an_empty_text_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    sentence = refusal(written(tmp_path, name, content))
    assert "is empty" in sentence or "holds something else" in sentence


@pytest.mark.parametrize("name", ["a.docx", "a.pdf", "a.vtt", "a.srt"])
def test_an_empty_file_of_any_kind_is_refused(tmp_path: Path, name: str) -> None:
    assert "is empty" in refusal(written(tmp_path, name, b""))


@pytest.mark.parametrize("name", ["a.docx", "a.pdf", "a.vtt", "a.srt"])
def test_a_wrong_extension_is_refused(tmp_path: Path, name: str) -> None:
    assert "by its name but is none inside" in refusal(written(tmp_path, name, "Just a text."))


@pytest.mark.parametrize("name", ["a.png", "a.exe", "a.html", "a.rtf", "a.md.zip"])
def test_an_unsupported_format_is_refused_with_the_list_of_supported_ones(tmp_path: Path, name: str) -> None:
    assert "Notes can be Markdown" in refusal(written(tmp_path, name, "text"))


@pytest.mark.parametrize("content", [bytes(range(256)) * 20, b"\x89PNG\r\n\x1a\n" + bytes(500), b"{\\rtf1 hello}"])
def test_something_else_called_a_text_is_refused(tmp_path: Path, content: bytes) -> None:
    assert "Notes can be Markdown" in refusal(written(tmp_path, "a.txt", content))


def test_a_text_that_speaks_of_a_pdf_is_a_text(tmp_path: Path) -> None:
    assert read(written(tmp_path, "a.md", "A PDF begins with %PDF-1.7.")).format == "markdown"


# places and limits


def test_a_file_that_is_gone_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    assert "was not found" in refusal(tmp_path / "gone.txt")
    folder = tmp_path / "folder.txt"
    folder.mkdir()
    assert "is a folder" in refusal(folder)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.txt")
        assert "is not a file" in refusal(tmp_path / "pipe.txt")


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", b"a" * (2**20 + 1))
    assert "larger than 1 MB" in refusal(path, limits=ReadLimits(file_bytes=2**20))


def test_a_text_that_is_too_long_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", "a" * 101)
    assert "more than 100 characters" in refusal(path, limits=ReadLimits(characters=100))


def test_a_parser_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    cues = "".join(f"\n00:00:00.000 --> 00:59:59.000\nwords {n}\n" for n in range(200_000))
    path = written(tmp_path, "a.vtt", f"WEBVTT\n{cues}")
    started = time.monotonic()
    assert "took longer than 0.3 seconds" in refusal(path, limits=ReadLimits(time_s=0.3))
    assert time.monotonic() - started < 3


@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited on Linux only")
def test_a_parser_that_takes_too_much_memory_is_refused(tmp_path: Path) -> None:
    cues = "".join(f"\n00:00:00.000 --> 00:59:59.000\nwords {n}\n" for n in range(200_000))
    path = written(tmp_path, "a.vtt", f"WEBVTT\n{cues}")
    assert "memory" in refusal(path, limits=ReadLimits(memory_bytes=60 * 2**20))


def test_the_worker_sees_no_settings_and_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys, coach.adapters.reader_worker as w; w.main(['vtt', sys.argv[1], sys.argv[2]]);"
        "print(); print([m for m in ('gradio', 'chromadb', 'langchain_core', 'numpy', 'pypdf', 'docx') if m in sys.modules])"
    )
    limits = {"characters": 10**6, "pages": 10, "unpacked_bytes": 10**8, "memory_bytes": 2**30, "time_s": 20}
    done = subprocess.run(
        [sys.executable, "-c", code, str(DATA / ZOOM), json.dumps(limits)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_module_beside_the_user_is_not_run_by_the_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "webvtt.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert read(DATA / ZOOM).speakers


def test_a_relative_path_and_a_strange_name_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copy(DATA / ZOOM, tmp_path / "-x 'é\n.vtt")
    monkeypatch.chdir(tmp_path)
    assert read(Path("-x 'é\n.vtt")).speakers


def test_a_folder_is_walked_in_order(tmp_path: Path) -> None:
    for name in ["b.md", "a/z.TXT", "a/y.pdf", ".hidden.md", ".git/c.md", "c.png", "~$d.docx"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("text")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "gone.md").symlink_to(tmp_path / "nowhere")
    found = [str(path.relative_to(tmp_path)) for path in documents_in(tmp_path)]
    assert found == ["b.md", "a/y.pdf", "a/z.TXT"]
    assert documents_in(tmp_path / "c.png") == [tmp_path / "c.png"]
    with pytest.raises(UnreadableDocument, match=r"^nothing was not found"):
        documents_in(tmp_path / "nothing")


# pasted


def test_pasted_text_is_a_document() -> None:
    document = read_text("1:1 with Priya, Tues 13 Oct\r\n\r\nShe wants to lead.", today=TODAY)
    assert document.text == "1:1 with Priya, Tues 13 Oct\n\nShe wants to lead."
    assert (document.format, document.date, document.counterpart) == ("pasted", date(2026, 10, 13), "Priya")


def test_pasted_nothing_is_refused() -> None:
    with pytest.raises(UnreadableDocument, match=r"^The text is empty"):
        read_text(" \n\x00")


@given(st.text(st.characters(), max_size=400))
@settings(max_examples=200)
def test_any_pasted_text_is_read_or_refused(text: str) -> None:
    try:
        document = read_text(text, today=TODAY)
    except UnreadableDocument:
        return
    assert document.text.encode().decode() == document.text.strip() == document.text
    assert not set("\0\r\ufeff\x1b") & set(document.text)
    assert document.title
    assert read_text(document.text, today=TODAY).text == document.text


@given(st.binary(max_size=400), st.sampled_from(["a.txt", "a.md", "a"]))
@settings(max_examples=100)
def test_any_bytes_called_a_text_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, name: str
) -> None:
    if data.lstrip()[:4] in (b"%PDF", b"PK\x03\x04"):
        return
    path = written(tmp_path_factory.mktemp("any"), name, data)
    try:
        assert read(path).text.encode()
    except UnreadableDocument:
        return
