"""From a source to its ranked moments: sound, words, highlights, each kept for the next run.

Sound comes first and the picture is not touched: the first clip of an hour is ready long before an hour of video
could be decoded.
"""

import hashlib
import tempfile
import wave
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from cliply.errors import CliplyError
from cliply.media.cache import Cache, work_prefix, write_text
from cliply.media.errors import NoSpeech
from cliply.media.fingerprint import fingerprint
from cliply.media.highlights.embeddings import Embedder
from cliply.media.highlights.find import Findings, HighlightOptions, find_highlights
from cliply.media.highlights.judge import Judge
from cliply.media.options import SHORTEST, ClipOptions
from cliply.media.probe import Source
from cliply.media.progress import Stage, Update, Watch
from cliply.media.speech.alignment import align
from cliply.media.speech.sound import SoundTrack, analyse_sound
from cliply.media.speech.transcriber import Transcriber
from cliply.media.speech.transcripts import language_doubt, load_transcript, transcript_json
from cliply.media.types import Millis, Span, Transcript

# Raised when the sound analysis, the transcriber's settings or the alignment change what they make.
_VERSION = "4"
_HELD: Millis = 3_000
"""How long a frame is held where the picture is shorter than the sound."""
_NO_PICTURE = "Where the sound has no picture, the nearest frame is held or moving bars are drawn."


@dataclass(frozen=True, slots=True)
class Analysis:
    """What is known of a source before the picture is looked at."""

    source: Source
    fingerprint: str
    sound: SoundTrack
    transcript: Transcript
    findings: Findings


def listen(source: Source, cache: Cache, watch: Watch) -> SoundTrack:
    """The sound of `source`, from the cache if an earlier run heard it."""
    folder = cache.folder(fingerprint(source.path))
    kept = folder / f"sound-{_VERSION}.json"
    if kept.exists() and (sound := SoundTrack.load(kept)) is not None and sound.wav.exists():
        watch.tell(Update(Stage.SOUND, 1.0, kept=True))
        return sound
    # Before the work: a run that is killed, or only listens, leaves no more than one source too many.
    cache.sweep()
    cache.prune(keep=folder.name)
    sound = analyse_sound(source, folder, on_progress=watch.progress(Stage.SOUND))
    sound.save(kept)
    watch.tell(Update(Stage.SOUND, 1.0))
    return sound


def write_down(
    source: Source, sound: SoundTrack, options: ClipOptions, transcriber: Transcriber, cache: Cache, watch: Watch
) -> Transcript:
    """The words of `source`: given, kept, or made now; word times fit the sound. Raises NoSpeech if there are none."""
    folder = cache.folder(fingerprint(source.path))
    key = _transcript_key(options, transcriber)
    kept = folder / f"transcript-{key}.json"
    transcript = _kept_transcript(kept) or _part_of_whole(folder, options, transcriber)
    if transcript is not None:
        watch.tell(Update(Stage.SPEECH, 1.0, kept=True))
    else:
        begun = folder / f"heard-{key}.jsonl"
        transcript = _make_transcript(sound, options, transcriber, begun, watch)
        # What a stand-in for a damaged model heard is not kept under the name of the model that was asked for.
        if options.transcript is not None or transcript.made_by == transcriber.name:
            write_text(kept, transcript_json(transcript))
        begun.unlink(missing_ok=True)
        watch.tell(Update(Stage.SPEECH, 1.0))
    if not transcript.words:
        raise NoSpeech(
            "Nobody speaks in this recording, so there is nothing to write down or to clip. "
            "If somebody does, name the language with --language."
        )
    return transcript


def choose(
    source: Source,
    sound: SoundTrack,
    transcript: Transcript,
    options: ClipOptions,
    judge: Judge | None,
    watch: Watch,
) -> Findings:
    """The ranked moments. Raises NoSpeech when the speech has no stretch of the asked length."""
    seen, warnings = _with_picture(source, options)
    findings = _found(source, sound, transcript, options, seen, judge, watch)
    if seen != options.within and not findings.highlights:
        findings, warnings = _found(source, sound, transcript, options, options.within, judge, watch), (_NO_PICTURE,)
    watch.tell(Update(Stage.HIGHLIGHTS, 1.0))
    if not findings.highlights:
        raise NoSpeech(
            f"No stretch of speech of {options.shortest / 1000:g} to {options.longest / 1000:g} seconds was found. "
            + what_may_help(options, source.duration)
        )
    return replace(findings, warnings=language_doubt(transcript) + findings.warnings + warnings)


def what_may_help(options: ClipOptions, duration: Millis) -> str:
    """What to do when no moment was found: only that which these options leave open."""
    part = options.within.duration if options.within is not None else duration
    ways = (
        ("allow shorter clips with --min", options.shortest > SHORTEST),
        ("allow longer clips with --max", options.longest < part),
        ("look at a larger part with --from and --to", part < duration),
    )
    open_ways = [way for way, may_help in ways if may_help]
    told = " or ".join([*open_ways, "use a recording in which more is said without a long break"])
    return f"{told[0].upper()}{told[1:]}."


def _with_picture(source: Source, options: ClipOptions) -> tuple[Span | None, tuple[str, ...]]:
    """The part to choose from, and what to say of it: where most of a recording has a picture, clips come from there.

    A few seconds without one are no reason to leave out a sentence; the nearest frame is held.
    """
    part = options.within or Span(0, source.duration)
    pictured = source.pictured
    seen = part.clamp(Span(pictured.start - _HELD, pictured.end + _HELD))
    if source.video is None or seen == part:
        return options.within, ()
    if seen.duration >= max(options.shortest, part.duration // 2):
        return seen, ("The sound is longer than the picture, so clips come from where there is a picture.",)
    return options.within, (_NO_PICTURE,)


def _found(
    source: Source,
    sound: SoundTrack,
    transcript: Transcript,
    options: ClipOptions,
    within: Span | None,
    judge: Judge | None,
    watch: Watch,
) -> Findings:
    # The bundled sentence model knows English only; other languages are compared by their words.
    embedder = Embedder() if transcript.language == "en" else None
    return find_highlights(
        transcript,
        source.duration,
        options=HighlightOptions(
            shortest=options.shortest,
            longest=options.longest,
            count=options.count,
            prompt=options.prompt,
            keywords=options.keywords,
            within=within,
        ),
        sound=sound,
        embedder=embedder,
        judge=judge,
        on_progress=watch.progress(Stage.HIGHLIGHTS),
    )


def analyse(
    source: Source,
    options: ClipOptions,
    *,
    transcriber: Transcriber,
    judge: Judge | None,
    cache: Cache,
    watch: Watch,
) -> Analysis:
    """All of the above in order."""
    sound = listen(source, cache, watch)
    try:
        transcript = write_down(source, sound, options, transcriber, cache, watch)
    except NoSpeech as silent:
        raise NoSpeech(f"{silent} Or give the words with --transcript.") from silent
    findings = choose_once(source, sound, transcript, options, judge, cache, watch)
    return Analysis(source, fingerprint(source.path), sound, transcript, findings)


def choose_once(
    source: Source,
    sound: SoundTrack,
    transcript: Transcript,
    options: ClipOptions,
    judge: Judge | None,
    cache: Cache,
    watch: Watch,
) -> Findings:
    """The ranked moments; a judge is asked once for the same transcript and wishes.

    Its answer costs money and may differ the next time, when a stopped run should go on with the same clips.
    """
    if judge is None:
        return choose(source, sound, transcript, options, None, watch)
    told = "\0".join((_VERSION, judge.name, options.model_dump_json(), transcript_json(transcript)))
    key = hashlib.blake2b(told.encode(), digest_size=8).hexdigest()
    kept = cache.folder(fingerprint(source.path)) / f"judged-{key}.json"
    stored = TypeAdapter(Findings)
    try:
        findings = stored.validate_json(kept.read_bytes())
        watch.tell(Update(Stage.HIGHLIGHTS, 1.0, kept=True))
    except (OSError, ValidationError):
        findings = choose(source, sound, transcript, options, judge, watch)
        # A judge that gave no answer is asked again the next time.
        if not any(judge.name in warning for warning in findings.warnings):
            write_text(kept, stored.dump_json(findings).decode())
    return findings


def _kept_transcript(kept: Path) -> Transcript | None:
    try:
        return load_transcript(kept) if kept.exists() else None
    except CliplyError:
        return None


def _part_of_whole(folder: Path, options: ClipOptions, transcriber: Transcriber) -> Transcript | None:
    """The words of the part that is asked for, where all of the source has been written down before."""
    if options.within is None or options.transcript is not None:
        return None
    whole = options.model_copy(update={"within": None})
    known = _kept_transcript(folder / f"transcript-{_transcript_key(whole, transcriber)}.json")
    return None if known is None else replace(known, words=known.within(options.within))


def _transcript_key(options: ClipOptions, transcriber: Transcriber) -> str:
    parts = [_VERSION, transcriber.name, options.language or "auto", str(options.within)]
    if options.transcript is not None:
        given = hashlib.blake2b(options.transcript.read_bytes(), digest_size=16).hexdigest()
        parts = [_VERSION, "given", options.language or "", given]
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=8).hexdigest()


def _make_transcript(
    sound: SoundTrack, options: ClipOptions, transcriber: Transcriber, begun: Path, watch: Watch
) -> Transcript:
    """`begun`: where a run that is stopped leaves what it has heard."""
    heard = watch.progress(Stage.SPEECH)
    transcribe = partial(
        transcriber.transcribe, language=options.language, kept=begun, on_progress=lambda share: heard(0.9 * share)
    )
    if options.transcript is not None:
        given = load_transcript(options.transcript)
        language = options.language or given.language
        return align(replace(given, language=language), sound.wav, on_progress=heard)
    if options.within is None:
        return align(transcribe(sound.wav), sound.wav, on_progress=lambda share: heard(0.9 + 0.1 * share))
    with tempfile.TemporaryDirectory(dir=begun.parent, prefix=work_prefix("part")) as scratch:
        part = Path(scratch) / "part.wav"
        _cut_wav(sound.wav, options.within, part)
        aligned = align(transcribe(part), part, on_progress=lambda share: heard(0.9 + 0.1 * share))
    return _later(aligned, options.within.start)


def _cut_wav(whole: Path, span: Span, out: Path) -> None:
    with wave.open(str(whole), "rb") as source, wave.open(str(out), "wb") as part:
        rate = source.getframerate()
        part.setparams(source.getparams())
        source.setpos(min(source.getnframes(), span.start * rate // 1000))
        part.writeframes(source.readframes(span.duration * rate // 1000))


def _later(transcript: Transcript, by: Millis) -> Transcript:
    return replace(
        transcript,
        words=tuple(replace(word, start=word.start + by, end=word.end + by) for word in transcript.words),
    )
