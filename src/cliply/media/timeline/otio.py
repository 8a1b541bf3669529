"""OpenTimelineIO: one video track per layer, one sound track.

OTIO has no standard effect for a crop. Every clip carries its camera keys in plain words under `cliply`, and the same
as DaVinci Resolve's own Transform and Cropping effects, which Resolve and several others read.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import opentimelineio as otio

from cliply.media.timeline.cues import cues
from cliply.media.timeline.geometry import Transform, Trim, transform, trim
from cliply.media.timeline.media import Facts, MediaFacts
from cliply.media.timeline.shots import Cut, Key, Layer, Shot
from cliply.media.types import Millis, Size


def otio_text(name: str, cuts: Sequence[Cut], facts: Facts) -> str:
    """The cuts one after the other, as the text of an .otio file."""
    rate = cuts[0].rate
    timeline = otio.schema.Timeline(name=name, global_start_time=_time(0, rate))
    timeline.metadata["cliply"] = {"canvas": _size(cuts[0].canvas), "clips": [_about(cut) for cut in cuts]}
    for level in range(max(len(shot.layers) for cut in cuts for shot in cut.shots)):
        timeline.tracks.append(_track(f"V{level + 1}", otio.schema.TrackKind.Video, cuts, facts, level))
    if any(facts(cut).sound for cut in cuts):
        timeline.tracks.append(_track("A1", otio.schema.TrackKind.Audio, cuts, facts, None))
    return str(otio.adapters.write_to_string(timeline, "otio_json", indent=2)) + "\n"


def _track(name: str, kind: str, cuts: Sequence[Cut], facts: Facts, level: int | None) -> otio.schema.Track:
    track = otio.schema.Track(name=name, kind=kind)
    for cut in cuts:
        for shot in cut.shots:
            if level is None:
                track.append(_clip(cut, shot, facts(cut)) if facts(cut).sound else _gap(shot.count, cut.rate))
            elif level < len(shot.layers):
                clip = _clip(cut, shot, facts(cut))
                _frame_it(clip, cut, shot, shot.layers[level])
                track.append(clip)
            else:
                track.append(_gap(shot.count, cut.rate))
    return track


def _gap(count: int, rate: Fraction) -> otio.schema.Gap:
    return otio.schema.Gap(source_range=_range(0, count, rate))


def _clip(cut: Cut, shot: Shot, facts: MediaFacts) -> otio.schema.Clip:
    media = otio.schema.ExternalReference(
        target_url=facts.url,
        available_range=_range(0, max(_frames(cut.source.duration, cut.rate), shot.end), cut.rate),
    )
    media.name = facts.name
    clip = otio.schema.Clip(name=cut.name, media_reference=media, source_range=_range(shot.first, shot.count, cut.rate))
    clip.metadata["cliply"] = {"layout": shot.layout}
    if shot.muted:
        clip.metadata["cliply"]["muted"] = [
            {"frame": first - shot.first, "frames": count} for first, count in shot.muted
        ]
    return clip


def _frame_it(clip: otio.schema.Clip, cut: Cut, shot: Shot, layer: Layer) -> None:
    about = clip.metadata["cliply"]
    about["source_size"] = _size(cut.source.size)
    about["place"] = layer.place.model_dump()
    about["fit"] = "whole" if layer.whole else "fill"
    about["blur"] = layer.blurred
    about["camera"] = [
        {"frame": key.frame - shot.first, "x": key.box.x, "y": key.box.y, "width": key.box.width,
         "height": key.box.height, "eased": key.eased}
        for key in layer.keys
    ]  # fmt: skip
    moves = [(_at(key, shot), transform(layer, key.box, cut.source.size, cut.canvas)) for key in layer.keys]
    clip.effects.append(_transform_effect(moves, cut.canvas))
    trims = [(_at(key, shot), cropped) for key in layer.keys
             if (cropped := trim(layer, key.box, cut.source.size, cut.canvas)) is not None]  # fmt: skip
    if trims:
        clip.effects.append(_cropping_effect(trims, cut.source.size))


def _at(key: Key, shot: Shot) -> int:
    return key.frame - shot.first


def _transform_effect(moves: Sequence[tuple[int, Transform]], canvas: Size) -> otio.schema.Effect:
    zoom = [(at, move.scale) for at, move in moves]
    return _effect(
        "Transform",
        2,
        [
            _parameter("transformationZoomX", zoom, 1.0, 0.0, 100.0),
            _parameter("transformationZoomY", zoom, 1.0, 0.0, 100.0),
            _parameter("transformationPan", [(at, move.x / canvas.width) for at, move in moves], 0.0, -50.0, 50.0),
            _parameter("transformationTilt", [(at, -move.y / canvas.height) for at, move in moves], 0.0, -50.0, 50.0),
        ],
    )


def _cropping_effect(trims: Sequence[tuple[int, Trim]], source: Size) -> otio.schema.Effect:
    sides: dict[str, Callable[[Trim], float]] = {
        "cropLeft": lambda trim: trim.left / source.width,
        "cropRight": lambda trim: trim.right / source.width,
        "cropTop": lambda trim: trim.top / source.height,
        "cropBottom": lambda trim: trim.bottom / source.height,
    }
    return _effect(
        "Cropping",
        3,
        [_parameter(name, [(at, side(trim)) for at, trim in trims], 0.0, 0.0, 1.0) for name, side in sides.items()],
    )


def _effect(name: str, kind: int, parameters: list[dict[str, Any]]) -> otio.schema.Effect:
    effect = otio.schema.Effect(effect_name="Resolve Effect")
    effect.metadata["Resolve_OTIO"] = {
        "Effect Name": name,
        "Enabled": True,
        "Name": name,
        "Parameters": parameters,
        "Type": kind,
    }
    return effect


def _parameter(
    name: str, values: Sequence[tuple[int, float]], default: float, least: float, most: float
) -> dict[str, Any]:
    moving = any(value != values[0][1] for _, value in values)
    return {
        "Parameter ID": name,
        "Variant Type": "Double",
        "Default Parameter Value": default,
        "Parameter Value": round(values[0][1], 6),
        "Key Frames": {str(at): {"Value": round(value, 6), "Variant Type": "Double"} for at, value in values}
        if moving
        else {},
        "minValue": least,
        "maxValue": most,
    }


def _about(cut: Cut) -> dict[str, Any]:
    return {
        "name": cut.name,
        "start": cut.start,
        "frames": cut.frames,
        "title": cut.edit.post.title,
        "description": cut.edit.post.description,
        "hashtags": list(cut.edit.post.hashtags),
        "hook": cut.edit.hook.text if cut.edit.hook else "",
        "captions": [{"frame": cue.start, "frames": cue.count, "text": cue.text} for cue in cues(cut)],
    }


def _size(size: Size) -> dict[str, int]:
    return {"width": size.width, "height": size.height}


def _frames(at: Millis, rate: Fraction) -> int:
    return int(Fraction(at, 1000) * rate)


def _time(frames: int, rate: Fraction) -> otio.opentime.RationalTime:
    return otio.opentime.RationalTime(frames, float(rate))


def _range(first: int, count: int, rate: Fraction) -> otio.opentime.TimeRange:
    return otio.opentime.TimeRange(_time(first, rate), _time(count, rate))
