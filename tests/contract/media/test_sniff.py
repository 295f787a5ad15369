"""What a file is: the bytes decide."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from infrastructure.media.sniff import ENOUGH, sniff
from tests.contract.media.pictures import encoded

DOT = Image.new("RGB", (2, 2))


def ftyp(major: bytes, *compatible: bytes) -> bytes:
    body = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return struct.pack(">I", len(body) + 4) + body + bytes(64)


def ebml(doctype: bytes, behind: bytes = b"") -> bytes:
    children = b"\x42\x86\x81\x01" + b"\x42\x82" + bytes((0x80 | len(doctype),)) + doctype
    return b"\x1a\x45\xdf\xa3" + bytes((0x80 | len(children),)) + children + behind


@pytest.mark.parametrize(
    ("head", "mime_type"),
    [
        (encoded(DOT, "JPEG"), "image/jpeg"),
        (encoded(DOT, "PNG"), "image/png"),
        (encoded(DOT, "PNG", save_all=True, append_images=[Image.new("RGB", (2, 2), "red")]), "image/png"),
        (encoded(DOT, "GIF"), "image/gif"),
        (b"GIF87a" + bytes(20), "image/gif"),
        (encoded(DOT, "WEBP"), "image/webp"),
        (ftyp(b"isom", b"isom", b"iso2", b"avc1", b"mp41"), "video/mp4"),
        (ftyp(b"mp42", b"mp42", b"isom"), "video/mp4"),
        (ftyp(b"M4V ", b"M4V ", b"M4A ", b"mp42"), "video/mp4"),
        (ftyp(b"iso5", b"iso6", b"dash"), "video/mp4"),
        (ftyp(b"dash", b"iso6"), "video/mp4"),
        (ftyp(b"qt  ", b"qt  "), "video/quicktime"),
        (ebml(b"webm"), "video/webm"),
        (ebml(b"webm\0\0"), "video/webm"),
    ],
)
def test_an_accepted_kind_is_told_by_its_first_bytes(head: bytes, mime_type: str) -> None:
    sniffed = sniff(head)

    assert sniffed is not None
    assert sniffed.mime_type == mime_type
    assert sniffed.kind == mime_type.partition("/")[0]


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff", id="one byte"),
        pytest.param(ftyp(b"heic", b"mif1", b"heic"), id="HEIC"),
        pytest.param(ftyp(b"mif1", b"mif1", b"heic", b"isom"), id="HEIF"),
        pytest.param(ftyp(b"avif", b"avif", b"mif1"), id="AVIF"),
        pytest.param(ftyp(b"avis", b"avis", b"iso8", b"mp42"), id="AVIF sequence"),
        pytest.param(ftyp(b"M4A ", b"M4A ", b"mp42", b"isom"), id="audio of iTunes"),
        pytest.param(ftyp(b"M4B ", b"M4A ", b"mp42", b"isom"), id="audiobook"),
        pytest.param(ftyp(b"crx ", b"crx ", b"isom"), id="Canon raw"),
        pytest.param(ftyp(b"3gp5", b"3gp5", b"isom"), id="3GP"),
        pytest.param(b"\xff\xff\xff\xffftypisom", id="absurd ftyp"),
        pytest.param(ebml(b"matroska"), id="Matroska"),
        pytest.param(ebml(b"matroska", b"\x42\x82\x84webm"), id="Matroska that mentions WebM"),
        pytest.param(b"\x1a\x45\xdf\xa3", id="EBML without a header"),
        pytest.param(b"\x1a\x45\xdf\xa3\xff" + b"\x00" * 40, id="EBML of zeros"),
        pytest.param(b"RIFF\x24\0\0\0AVI LIST", id="AVI"),
        pytest.param(b"RIFF\x24\0\0\0WAVEfmt ", id="WAV"),
        pytest.param(b"<svg xmlns='http://www.w3.org/2000/svg'/>", id="SVG"),
        pytest.param(b"<?xml version='1.0'?><svg/>", id="SVG as XML"),
        pytest.param(b"<!doctype html><script>", id="HTML"),
        pytest.param(b"%PDF-1.7\n", id="PDF"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0", id="EPS"),
        pytest.param(b"push graphic-context\n", id="MVG"),
        pytest.param(b"\x7fELF\x02\x01\x01", id="ELF"),
        pytest.param(b"PK\x03\x04\x14\0", id="ZIP"),
        pytest.param(b"BM\x46\0\0\0", id="BMP"),
        pytest.param(b"II*\0\x08\0\0\0", id="TIFF"),
        pytest.param(b"GIFT ideas for everyone", id="text about gifts"),
        pytest.param(b"ffconcat version 1.0\nfile /etc/passwd\n", id="ffconcat"),
        pytest.param(b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1/\n", id="HLS"),
        pytest.param(b"v=0\no=- 0 0 IN IP4 127.0.0.1\n", id="SDP"),
        pytest.param(b"\x89PNG", id="half a signature"),
        pytest.param(b"\0\0\0\x20", id="a length alone"),
    ],
)
def test_anything_else_is_nothing(head: bytes) -> None:
    assert sniff(head) is None


@given(st.binary(max_size=64), st.sampled_from([b"", b"\x1a\x45\xdf\xa3", b"\0\0\0\x18ftyp", b"RIFF", b"\xff\xd8\xff"]))
def test_no_bytes_are_too_odd_to_be_told(rest: bytes, start: bytes) -> None:
    sniff(start + rest)


def test_more_than_enough_bytes_tell_no_more() -> None:
    for head in (ebml(b"webm"), ftyp(b"isom"), b"text"):
        assert sniff(head.ljust(ENOUGH, b" ")) == sniff(head.ljust(ENOUGH * 4, b" "))
