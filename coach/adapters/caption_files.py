"""Reads WebVTT and SRT transcripts, as Zoom, Teams and Google Meet export them, with webvtt-py.

Joining cues into turns is `coach.domain.transcripts`; which file is a transcript is `coach.adapters.document_readers`.
"""

from __future__ import annotations

import html
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from coach.domain.transcripts import Transcript, Utterance, as_transcript, split_speaker

_VOICE = re.compile(r"<v(?:\.[^\s>]{0,40})*\s+([^<>]{1,200})>")
_TAG = re.compile(r"</?(?:v|c|b|i|u|lang|ruby|rt|font)\b[^<>]{0,200}>|<\d{1,2}:[\d:.]{1,12}>", re.IGNORECASE)
_PREFIX = re.compile(r"([^\n:<>]{1,60}):\s+(?=\S)")


def read_captions(text: str, format: Literal["vtt", "srt"]) -> Transcript:
    """The turns of a transcript.

    Raises:
        ValueError: The text is not in this format.
    """
    from webvtt import WebVTT
    from webvtt.errors import MalformedCaptionError, MalformedFileError

    # Some exporters begin with blank lines, which the format does not allow.
    buffer = io.StringIO(text.lstrip())
    try:
        captions = [str(caption.raw_text) for caption in WebVTT.from_buffer(buffer, format=format).captions]
    except (MalformedFileError, MalformedCaptionError) as error:
        raise ValueError(f"not a {format} transcript") from error
    return as_transcript(_utterances(captions))


def _utterances(captions: Sequence[str]) -> Iterator[Utterance]:
    prefixes = Counter(match[1] for match in map(_PREFIX.match, captions) if match)
    for caption in captions:
        pieces = _VOICE.split(caption)
        if len(pieces) > 1:
            yield Utterance(None, _plain(pieces[0]))
            for name, words in zip(pieces[1::2], pieces[2::2], strict=True):
                yield Utterance(_name(name), _plain(words))
        else:
            yield _named_by_prefix(_plain(caption), prefixes)


def _named_by_prefix(words: str, prefixes: Counter[str]) -> Utterance:
    """Zoom writes `Name: words` in each cue; a lower-case name or a label counts as a name when it opens two cues."""
    match = _PREFIX.match(words)
    if match and prefixes[match[1]] > 1 and len(match[1].split()) <= 5:
        return Utterance(_name(match[1]), words[match.end() :])
    speaker, rest = split_speaker(words)
    return Utterance(_name(speaker) if speaker else None, rest)


def _plain(words: str) -> str:
    return html.unescape(_TAG.sub("", words)).strip()


def _name(name: str) -> str | None:
    return " ".join(html.unescape(name).replace(":", " ").split()) or None
