"""Final Cut Pro XML 1.10, which Final Cut, DaVinci Resolve and converters for Premiere read.

The lowest layer is the storyline and carries the sound; the others are connected clips above it, without sound. The
crop is the picture's own Transform and Crop, with keyframes. Captions are titles, each connected where it begins.
Positions and crops are in percent of a picture's height, y upwards, as the format asks.
"""

from collections.abc import Sequence
from fractions import Fraction
from xml.etree import ElementTree as ET

from cliply.media.timeline.cues import Cue, cues, hook
from cliply.media.timeline.geometry import transform, trim
from cliply.media.timeline.media import Facts, MediaFacts
from cliply.media.timeline.shots import Cut, Key, Layer, Shot
from cliply.media.timeline.timecode import drops_frames
from cliply.media.types import Size

_VERSION = "1.10"
_TITLE = ".../Titles.localized/Bumper:Opener.localized/Basic Title.localized/Basic Title.moti"
_BLUR = ".../Effects.localized/Blur.localized/Gaussian.localized/Gaussian.moef"
_TITLE_START = 3600
"""Seconds; generators and titles begin at one hour of their own time."""


def fcpxml_text(name: str, cuts: Sequence[Cut], facts: Facts) -> str:
    """The cuts one after the other as one project, as the text of an .fcpxml file."""
    return _Writer(name, cuts, facts).text()


class _Writer:
    def __init__(self, name: str, cuts: Sequence[Cut], facts: Facts) -> None:
        self._name = name
        self._cuts = cuts
        self._facts = facts
        self._rate = cuts[0].rate
        self._canvas = cuts[0].canvas
        self._root = ET.Element("fcpxml", version=_VERSION)
        self._resources = ET.SubElement(self._root, "resources")
        self._ids = 0
        self._assets: dict[str, tuple[str, str]] = {}
        self._titles = 0
        self._effects: dict[str, str] = {}

    def text(self) -> str:
        sequence_format = self._format(self._canvas, self._rate)
        event = ET.SubElement(ET.SubElement(self._root, "library"), "event", name=_line(self._name))
        project = ET.SubElement(event, "project", name=_line(self._name))
        sequence = ET.SubElement(
            project,
            "sequence",
            format=sequence_format,
            duration=self._time(sum(cut.frames for cut in self._cuts)),
            tcStart="0s",
            tcFormat=self._timecode_format(),
            audioLayout="stereo",
            audioRate="48k",
        )
        spine = ET.SubElement(sequence, "spine")
        for cut in self._cuts:
            self._cut(spine, cut)
        ET.indent(self._root, " ")
        body = ET.tostring(self._root, encoding="unicode")
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n{body}\n'

    def _cut(self, spine: ET.Element, cut: Cut) -> None:
        captions, opening = list(cues(cut)), hook(cut)
        for shot in cut.shots:
            clip = self._clip(spine, cut, shot, shot.layers[0], None)
            lane = 0
            for layer in shot.layers[1:]:
                lane += 1
                self._clip(clip, cut, shot, layer, lane)
            for cue in captions:
                if shot.record <= cue.start < shot.record + shot.count:
                    self._title(clip, shot, cue, lane + 1)
            if opening is not None and shot.record == opening.start:
                self._title(clip, shot, opening, lane + 2)
            self._mute(clip, shot, self._facts(cut))
            if shot.layers[0].blurred:
                self._blur(clip)

    def _clip(self, parent: ET.Element, cut: Cut, shot: Shot, layer: Layer, lane: int | None) -> ET.Element:
        facts = self._facts(cut)
        asset, media_format = self._asset(cut, facts)
        clip = ET.SubElement(parent, "asset-clip", ref=asset)
        if lane is not None:
            clip.set("lane", str(lane))
        # A connected clip is placed in the time of the clip it hangs on, which is the time of the source.
        clip.set("offset", self._time(shot.record if lane is None else shot.first))
        clip.set("name", _line(cut.name))
        clip.set("start", self._time(shot.first))
        clip.set("duration", self._time(shot.count))
        clip.set("format", media_format)
        clip.set("tcFormat", self._timecode_format())
        if lane is not None:
            clip.set("srcEnable", "video")
        elif facts.sound:
            clip.set("audioRole", "dialogue")
        self._crop(clip, cut, layer)
        ET.SubElement(clip, "adjust-conform", type="fit")
        self._transform(clip, cut, layer)
        return clip

    def _transform(self, clip: ET.Element, cut: Cut, layer: Layer) -> None:
        moves = [(key, transform(layer, key.box, cut.source.size, self._canvas)) for key in layer.keys]
        percent = 100 / self._canvas.height
        x = [(key, move.x * percent) for key, move in moves]
        y = [(key, -move.y * percent) for key, move in moves]
        scale = [(key, move.scale) for key, move in moves]
        adjust = ET.SubElement(clip, "adjust-transform")
        if len(moves) == 1:
            adjust.set("position", f"{_number(x[0][1])} {_number(y[0][1])}")
            adjust.set("scale", f"{_number(scale[0][1])} {_number(scale[0][1])}")
            return
        for name, first, second in (("position", x, y), ("scale", scale, scale)):
            both = ET.SubElement(adjust, "param", name=name)
            self._animate(ET.SubElement(both, "param", name="X", key="1"), first)
            self._animate(ET.SubElement(both, "param", name="Y", key="2"), second)

    def _crop(self, clip: ET.Element, cut: Cut, layer: Layer) -> None:
        percent = 100 / cut.source.size.height
        trims = [
            (key, cropped)
            for key in layer.keys
            if (cropped := trim(layer, key.box, cut.source.size, self._canvas)) is not None
        ]
        if not trims:
            return
        crop = ET.SubElement(clip, "adjust-crop", mode="trim")
        rectangle = ET.SubElement(crop, "trim-rect")
        sides: dict[str, list[tuple[Key, float]]] = {
            "left": [(key, cropped.left * percent) for key, cropped in trims],
            "top": [(key, cropped.top * percent) for key, cropped in trims],
            "right": [(key, cropped.right * percent) for key, cropped in trims],
            "bottom": [(key, cropped.bottom * percent) for key, cropped in trims],
        }
        for side, values in sides.items():
            rectangle.set(side, _number(values[0][1]))
        for side, values in sides.items():
            if len(values) > 1:
                self._animate(ET.SubElement(rectangle, "param", name=side), values)

    def _animate(self, parameter: ET.Element, values: Sequence[tuple[Key, float]]) -> None:
        parameter.set("value", _number(values[0][1]))
        animation = ET.SubElement(parameter, "keyframeAnimation")
        for key, value in values:
            frame = ET.SubElement(animation, "keyframe", time=self._time(key.frame), value=_number(value))
            frame.set("interp", "ease" if key.eased else "linear")
            # The format's default, smooth, would let a held camera swing out before a cut.
            frame.set("curve", "smooth" if key.eased else "linear")

    def _title(self, clip: ET.Element, shot: Shot, cue: Cue, lane: int) -> None:
        self._titles += 1
        style = f"ts{self._titles}"
        title = ET.SubElement(
            clip,
            "title",
            ref=self._effect("Basic Title", _TITLE),
            lane=str(lane),
            offset=self._time(shot.first + cue.start - shot.record),
            name=_line(cue.text)[:80],
            start=f"{_TITLE_START}s",
            duration=self._time(cue.count),
        )
        text = ET.SubElement(title, "text")
        ET.SubElement(text, "text-style", ref=style).text = "\n".join(map(_line, cue.text.split("\n")))
        definition = ET.SubElement(title, "text-style-def", id=style)
        ET.SubElement(
            definition,
            "text-style",
            font="Helvetica Neue",
            fontSize=str(round(self._canvas.width * 0.065)),
            fontFace="Bold",
            fontColor="1 1 1 1",
            strokeColor="0 0 0 1",
            strokeWidth="4",
            alignment="center",
        )
        ET.SubElement(title, "adjust-transform", position=f"0 {_number(50 - 100 * cue.position)}")

    def _mute(self, clip: ET.Element, shot: Shot, facts: MediaFacts) -> None:
        if not shot.muted or not facts.sound:
            return
        channels = ", ".join(str(channel + 1) for channel in range(facts.channels))
        sound = ET.SubElement(clip, "audio-channel-source", srcCh=channels, role="dialogue")
        for first, count in shot.muted:
            ET.SubElement(sound, "mute", start=self._time(first), duration=self._time(count))

    def _blur(self, clip: ET.Element) -> None:
        blur = ET.SubElement(clip, "filter-video", ref=self._effect("Gaussian", _BLUR), name="Gaussian")
        ET.SubElement(blur, "param", name="Amount", value="50")

    def _asset(self, cut: Cut, facts: MediaFacts) -> tuple[str, str]:
        """The identities of the file and of its format."""
        if facts.url not in self._assets:
            rate = facts.rate or self._rate
            media_format = self._format(cut.source.size, rate)
            frames = int(Fraction(cut.source.duration, 1000) * rate)
            asset = ET.SubElement(
                self._resources,
                "asset",
                id=self._next(),
                name=_line(facts.name),
                start="0s",
                duration=_rational(max(1, frames) / rate),
                format=media_format,
            )
            if facts.picture:
                asset.set("hasVideo", "1")
                asset.set("videoSources", "1")
            if facts.sound:
                asset.set("hasAudio", "1")
                asset.set("audioSources", "1")
                asset.set("audioChannels", str(facts.channels))
                asset.set("audioRate", str(facts.sample_rate))
            ET.SubElement(asset, "media-rep", kind="original-media", src=facts.url)
            self._assets[facts.url] = asset.attrib["id"], media_format
        return self._assets[facts.url]

    def _format(self, size: Size, rate: Fraction) -> str:
        frame = _rational(1 / rate)
        for known in self._resources.iterfind("format"):
            if (known.get("width"), known.get("height"), known.get("frameDuration")) == (
                str(size.width),
                str(size.height),
                frame,
            ):
                return known.attrib["id"]
        made = ET.SubElement(
            self._resources,
            "format",
            id=self._next(),
            frameDuration=frame,
            width=str(size.width),
            height=str(size.height),
            colorSpace="1-1-1 (Rec. 709)",
        )
        return made.attrib["id"]

    def _effect(self, name: str, uid: str) -> str:
        if uid not in self._effects:
            self._effects[uid] = self._next()
            ET.SubElement(self._resources, "effect", id=self._effects[uid], name=name, uid=uid)
        return self._effects[uid]

    def _next(self) -> str:
        self._ids += 1
        return f"r{self._ids}"

    def _time(self, frames: int) -> str:
        return _rational(frames / self._rate)

    def _timecode_format(self) -> str:
        return "DF" if drops_frames(self._rate) else "NDF"


def _rational(seconds: Fraction) -> str:
    """Seconds as the format writes them: `5s`, `1001/30000s`."""
    if seconds.denominator == 1:
        return f"{seconds.numerator}s"
    return f"{seconds.numerator}/{seconds.denominator}s"


def _number(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".") if abs(value) >= 0.00005 else "0"


def _line(text: str) -> str:
    """On one line, without the characters that XML 1.0 cannot hold even escaped."""
    return "".join(char if char.isprintable() else " " for char in text).strip()
