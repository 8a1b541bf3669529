"""The result page: nothing untrusted runs, nothing is fetched, everything that was made can be reached."""

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args
from urllib.parse import unquote

import pytest

from cliply.media.documents import CandidateEntry, ClipEntry, ClipFiles, ClipsDocument, Finding, SourceFacts
from cliply.media.edit import Layout
from cliply.media.page import FRAMED, PAGE_FILE, alike, beside, clock, cut_line, length, page_text, write_page
from cliply.media.types import Dimension, Size, Span

EVIL = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>{{7*7}}\"'&"
ODD_STEM = "01-50% off? #1 & \"more\" 'x' <b> ü ✓"


def a_document(text: str = EVIL, clips: int = 2, candidates: int = 15) -> ClipsDocument:
    return ClipsDocument(
        source=SourceFacts(
            name=text + ".mp4", duration=600_000, size=Size(1920, 1080), language="en", words=1234, transcribed_by=text
        ),
        options={"aspect": "9:16", "prompt": text},
        warnings=(text,),
        clips=tuple(
            ClipEntry(
                number=number,
                rank=number,
                span=Span(60_000 * number, 60_000 * number + 30_000),
                score=90,
                title=text,
                text=text * 3,
                reason=text,
                description=text,
                hashtags=("#one", "two"),
                hook=text,
                duration=30_000,
                layouts=("follow", "split"),
                dimensions=(Dimension("hook", 93, text), Dimension(text, 0, "")),
                files=ClipFiles(
                    video=ODD_STEM + ".mp4",
                    cover=ODD_STEM + ".jpg",
                    srt=ODD_STEM + ".srt",
                    edit=ODD_STEM + ".edit.json",
                ),
                findings=(
                    Finding(check="loudness", level="warning", message=text),
                    Finding(check="black", level="failed", message="Black.", at=Span(1000, 2000)),
                ),
            )
            for number in range(1, clips + 1)
        ),
        candidates=tuple(
            CandidateEntry(rank=pick + 2, pick=pick, span=Span(0, 20_000), score=50, title=text, text=text, reason=text)
            for pick in range(1, candidates + 1)
        ),
    )


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def parsed(document: ClipsDocument, folder: Path) -> _Page:
    page = _Page()
    page.feed(page_text(document, folder))
    return page


def test_untrusted_text_is_text(tmp_path: Path) -> None:
    page = parsed(a_document(), tmp_path)
    assert len(page.named("script")) == 1
    assert not page.named("img")
    assert not page.named("b") or all(not attributes for attributes in page.named("b"))
    assert EVIL in page.text
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert not any("style" in attributes for _, attributes in page.tags)


def test_nothing_comes_from_elsewhere(tmp_path: Path) -> None:
    page = parsed(a_document("plain"), tmp_path)
    links = [
        value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href", "poster")
    ]
    assert links
    assert all(link.startswith(("./", "#")) for link in links)
    policy = next(each["content"] for each in page.named("meta") if each.get("http-equiv") == "Content-Security-Policy")
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert not re.search(r"https?:|\bconnect-src", policy)
    assert not re.search(r"url\(|@import", page_text(a_document("plain"), tmp_path))


def test_links_lead_to_files_whatever_their_names(tmp_path: Path) -> None:
    page = parsed(a_document(), tmp_path)
    video = page.named("video")[0]
    assert unquote(video["src"]) == f"./{ODD_STEM}.mp4"
    assert not set(video["src"]) & set(" \"'<>#?&")
    assert beside("javascript:alert(1)") == "./javascript%3Aalert%281%29"
    downloads = {unquote(link["href"]) for link in page.named("a") if "download" in link}
    assert f"./{ODD_STEM}.edit.json" in downloads


def test_each_part_of_the_page_has_its_label(tmp_path: Path) -> None:
    page = parsed(a_document(), tmp_path)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in page.tags:
        for name in ("aria-labelledby", "data-copy"):
            assert attributes.get(name, ids[0]) in ids
    assert all(button.get("aria-label") for button in page.named("button") if "data-copy" in button)
    assert all(video["aria-label"] for video in page.named("video"))
    assert page.named("html")[0]["lang"] == "en"


def test_the_command_for_a_moment_can_be_pasted_into_a_shell(tmp_path: Path) -> None:
    folder = tmp_path / "my talk's clips"
    folder.mkdir()
    page = parsed(a_document(), folder)
    assert f"cliply more '{tmp_path}/my talk'\"'\"'s clips' --pick 3" in page.text


def test_a_folder_whose_name_is_no_text_gets_its_page(tmp_path: Path) -> None:
    folder = tmp_path / "clips\udcff"
    folder.mkdir()
    assert "clips?" in write_page(a_document("plain"), folder).read_text(encoding="utf-8")


def test_a_run_without_clips_still_has_a_page(tmp_path: Path) -> None:
    document = ClipsDocument(source=SourceFacts(name="talk.mp4", duration=0))
    page = write_page(document, tmp_path)
    assert page.name == PAGE_FILE
    assert "No clip has been made yet." in page.read_text(encoding="utf-8")


@pytest.mark.parametrize(("at", "shown"), [(0, "0:00"), (62_999, "1:02"), (3_723_000, "1:02:03")])
def test_moments_are_shown_as_players_show_them(at: int, shown: str) -> None:
    assert clock(at) == shown


@pytest.mark.parametrize(
    ("duration", "shown"), [(34_200, "34 s"), (59_900, "1 min"), (125_000, "2 min 5 s"), (3_600_000, "1 h")]
)
def test_lengths_are_said_in_words(duration: int, shown: str) -> None:
    assert length(duration) == shown


BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"))), None
)


def browse(page: str, profile: Path, *flags: str) -> str:
    command = [
        str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
        f"--user-data-dir={profile}", "--virtual-time-budget=3000", *flags, page,
    ]  # fmt: skip
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=True).stdout


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="no Chromium: install it (apt-get install chromium) to look at the page")
def test_a_browser_runs_only_our_script_and_fits_a_phone(tmp_path: Path) -> None:
    folder = tmp_path / "clips & more"
    folder.mkdir()
    # A word without a break is what makes pages scroll sideways.
    page = write_page(a_document(EVIL + "W" * 120), folder)
    shown = browse(page.as_uri(), tmp_path / "one", "--dump-dom")
    assert "<title>owned</title>" not in shown
    assert 'class="candidates short"' in shown, "our own script runs: the policy's hash fits it"
    assert ">English</li>" in shown
    wide = tmp_path / "phone.html"
    wide.write_text(
        f'<iframe id="f" width="390" height="800" src="{page.as_uri()}"></iframe>'
        "<script>onload = () => { try { const d = f.contentDocument.documentElement;"
        "document.title = d.scrollWidth + ' of ' + d.clientWidth } catch (e) { document.title = 'blocked' } }</script>",
        encoding="utf-8",
    )
    told = browse(wide.as_uri(), tmp_path / "two", "--dump-dom", "--allow-file-access-from-files")
    measured = re.search(r"<title>(\d+) of (\d+)</title>", told)
    assert measured, told[-300:]
    assert int(measured[1]) <= int(measured[2])


def test_what_the_check_found_again_and_again_is_said_once() -> None:
    again = [
        Finding(check="captions", level="warning", message=f"The captions cover a face at {at} s.") for at in "123"
    ]
    dark = Finding(check="black", level="warning", message="Black.")
    assert alike([again[0], dark, *again[1:]]) == [again, [dark]]
    document = a_document("x", clips=1)
    clip = document.clips[0].model_copy(update={"findings": tuple(again)})
    page = page_text(document.model_copy(update={"clips": (clip,)}), Path("x"))
    assert page.count("Look at this") == 1
    assert "and 2 more like it" in page
    assert all(finding.message in page for finding in again)


def test_every_layout_has_plain_words() -> None:
    assert set(FRAMED) == set(get_args(Layout))


def test_what_may_be_wrong_with_all_of_it_is_said_before_the_clips(tmp_path: Path) -> None:
    told = "This sounds like English, not German."
    page = page_text(a_document().model_copy(update={"warnings": (told,)}), tmp_path)
    assert 0 < page.find(told) < page.find('<article id="clip-1"')


def test_what_was_cut_out_of_a_clip_is_said_in_number_and_seconds(tmp_path: Path) -> None:
    document = a_document(clips=1)
    tight = document.clips[0].model_copy(update={"cuts": 3, "cut_out": 2440})
    assert cut_line(tight) == "3 cuts, 2.4 s shorter"
    assert cut_line(tight.model_copy(update={"cuts": 1, "cut_out": 300})) == "1 cut, 0.3 s shorter"
    assert cut_line(document.clips[0]) == ""
    assert "3 cuts, 2.4 s shorter" in page_text(document.model_copy(update={"clips": (tight,)}), tmp_path)
