"""Uploads that are not what they should be: broken forms, wrong files, too much. Nothing is left of any."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from PIL import Image

from infrastructure.sql.tables import objects, stories, uploads
from tests.http.town import Town, form, ok, one_bit_png, refused
from tests.stage import jpeg

pytestmark = pytest.mark.slow

MEDIA = 'name="media"; filename="photo.png"'
MIB = 1_048_576
LARGEST = 104_857_600

Form = tuple[tuple[str, str], bytes]


def _gif(frames: int, width: int, height: int) -> bytes:
    """A GIF of few bytes that says it has very many frames."""
    head = b"GIF89a" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\x80\0\0" + bytes(6)
    frame = b",\0\0\0\0" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + b"\0\x02\x02\x44\x01\0"
    return head + frame * frames + b";"


def _encoded(kind: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (320, 200), "teal").save(file, kind)
    return file.getvalue()


def _box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4) + kind + content


MP4 = _box(b"ftyp", b"isom\0\0\x02\0isomiso2avc1mp41") + _box(b"moov", bytes(100)) + _box(b"mdat", bytes(1_000))
WEBM = b"\x1a\x45\xdf\xa3\x87\x42\x82\x84webm" + bytes(500)
MOV = _box(b"ftyp", b"qt  \0\0\x02\0qt  ") + _box(b"moov", bytes(100))

FILES: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 400, "invalid_request"),
    "one byte": (b"\xff", 415, "unsupported_media_type"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg" onload="x()"/>', 415, "unsupported_media_type"),
    "HTML": (b"<!DOCTYPE html><script>alert(1)</script>", 415, "unsupported_media_type"),
    "ELF": (b"\x7fELF\x02\x01\x01" + bytes(100), 415, "unsupported_media_type"),
    "PDF": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", 415, "unsupported_media_type"),
    "ZIP": (b"PK\x03\x04" + bytes(100), 415, "unsupported_media_type"),
    "EPS": (b"%!PS-Adobe-3.0 EPSF-3.0\n", 415, "unsupported_media_type"),
    "MVG": (b"push graphic-context\nimage over 0,0 0,0 'https://127.0.0.1/'\n", 415, "unsupported_media_type"),
    "ffconcat": (b"ffconcat version 1.0\nfile /etc/passwd\n", 415, "unsupported_media_type"),
    "HLS": (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", 415, "unsupported_media_type"),
    "BMP": (_encoded("BMP"), 415, "unsupported_media_type"),
    "TIFF": (_encoded("TIFF"), 415, "unsupported_media_type"),
    "ICO": (_encoded("ICO"), 415, "unsupported_media_type"),
    "MP4 said to be an image": (MP4, 400, "type_mismatch"),
    "WebM said to be an image": (WEBM, 400, "type_mismatch"),
    "MOV said to be an image": (MOV, 400, "type_mismatch"),
    "PNG of 144 Mpx": (one_bit_png(12_000, 12_000), 400, "media_too_large"),
    "PNG of 400 Mpx": (one_bit_png(20_000, 20_000), 400, "media_too_large"),
    "GIF of 3,000 frames": (_gif(3_000, 500, 500), 400, "media_too_large"),
    "GIF of a large screen": (_gif(1, 60_000, 60_000), 400, "media_too_large"),
    "JPEG, magic only": (b"\xff\xd8\xff", 400, "media_invalid"),
    "PNG, magic only": (b"\x89PNG\r\n\x1a\n", 400, "media_invalid"),
    "GIF, magic only": (b"GIF89a", 400, "media_invalid"),
    "WebP, magic only": (b"RIFF\x04\0\0\0WEBP", 400, "media_invalid"),
    "PNG of no size": (one_bit_png(0, 0), 400, "media_invalid"),
    **{f"{kind}, cut short": (_encoded(kind)[:40], 400, "media_invalid") for kind in ("JPEG", "WEBP")},
}

PARTS = [(f'name="p{number}"', b"x") for number in range(1_100)]
GOOD, TYPE = form((MEDIA, jpeg())), 'name="type"'
FORMS: dict[str, tuple[Form, int, str]] = {
    "no boundary": ((("Content-Type", "multipart/form-data"), GOOD[1]), 400, "invalid_request"),
    "empty boundary": ((("Content-Type", "multipart/form-data; boundary="), GOOD[1]), 400, "invalid_request"),
    "another boundary": ((("Content-Type", "multipart/form-data; boundary=x"), GOOD[1]), 400, "invalid_request"),
    "long boundary": (form((MEDIA, jpeg()), boundary="b" * 5_000), 400, "invalid_request"),
    "odd boundary": ((("Content-Type", "multipart/form-data; boundary=\xff\xfe"), GOOD[1]), 400, "invalid_request"),
    "no final boundary": (form((MEDIA, jpeg()), end=False), 400, "invalid_request"),
    "cut off within the file": ((GOOD[0], GOOD[1][: len(GOOD[1]) // 2]), 400, "invalid_request"),
    "empty": ((GOOD[0], b""), 400, "invalid_request"),
    "no parts": (form(), 400, "invalid_request"),
    "no form": ((GOOD[0], b"just some text"), 400, "invalid_request"),
    "JSON": ((GOOD[0], b'{"content":"hi"}'), 400, "invalid_request"),
    "1,100 parts": (form((MEDIA, jpeg()), *PARTS), 400, "invalid_request"),
    "a part header of 1 MB": (form((MEDIA + f'; x="{"y" * MIB}"', jpeg())), 400, "invalid_request"),
    "very many part headers": (
        form((MEDIA + "".join(f"\r\nX-{number}: y" for number in range(5_000)), jpeg())),
        400,
        "invalid_request",
    ),
    "a part without a name": (form(('filename="a"', b"x")), 400, "invalid_request"),
    "two files": (form((MEDIA, jpeg()), (MEDIA, jpeg())), 400, "invalid_request"),
    "a field given twice": (form((TYPE, b"image"), (TYPE, b"image"), (MEDIA, jpeg())), 400, "invalid_request"),
    "a text over 64 KiB": (form((MEDIA, jpeg()), ('name="caption"', b"x" * 65_537)), 413, "too_large"),
    "a text of 10 MB": (form(('name="caption"', b"x" * 10_000_000), (MEDIA, jpeg())), 413, "too_large"),
    "texts over 64 KiB together": (
        form((MEDIA, jpeg()), *((f'name="t{number}"', b"x" * 8_000) for number in range(9))),
        413,
        "too_large",
    ),
    "a text that is no UTF-8": (form((MEDIA, jpeg()), ('name="caption"', b"\xff\xfe")), 400, "invalid_request"),
    "a text with a NUL": (form((MEDIA, jpeg()), ('name="caption"', b"a\0b")), 400, "invalid_request"),
    "a caption too long": (form((MEDIA, jpeg()), ('name="caption"', b"x" * 2_201)), 400, "invalid_request"),
    "a picture said to be a text": (form((MEDIA, jpeg()), (TYPE, b"text")), 400, "type_mismatch"),
    "a picture said to be a video": (form((MEDIA, jpeg()), (TYPE, b"video")), 400, "type_mismatch"),
    "an unknown type": (form((MEDIA, jpeg()), (TYPE, b"gif")), 400, "invalid_request"),
    "a picture with content": (form((MEDIA, jpeg()), ('name="content"', b"hi")), 400, "invalid_request"),
    "no file": (form((TYPE, b"image"), ('name="caption"', b"hi")), 400, "invalid_request"),
    "the file under another name": (form((MEDIA.replace("media", "file"), b"ascii"), (TYPE, b"image")), 400, ""),
    **{
        f"{name} {value[:20]!r}": (form((f'name="{name}"', value), (MEDIA, jpeg())), 400, "invalid_request")
        for name, value in (
            ("duration", b"0"),
            ("duration", b"1.5"),
            ("duration", b"abc"),
            ("duration", b""),
            ("duration", b"9" * 5_000),
            ("duration", b"NaN"),
            ("visibility", b""),
            ("visibility", b"everyone"),
            ("privacy", b"custom"),
            ("allowedUserIds", b"bob"),
            ("allowedUserIds", b'["bob"'),
            ("allowedUserIds", b"[" * 60_000),
            ("overlays", b"hi"),
            ("overlays", b"{}"),
            ("overlays", b"[" * 60_000),
            ("overlays", b'[{"text":"a","x":1e400,"y":0}]'),
            ("overlays", b'[{"text":"a\\ud800","x":0,"y":0}]'),
        )
    },
}


async def _nothing_left(town: Town, before: set[str]) -> None:
    async def nothing() -> None:
        await town.container.empty_bin()()  # or the worker does, which may be about to
        assert [await town.rows(table) for table in (uploads, objects)] == [0, 0]
        assert not {path for path in town.files() - before if town.org in path or "tmp" in path}

    assert [await town.posted(), await town.rows(stories)] == [0, 0]
    await town.eventually(nothing)


@pytest.mark.attack(36)
@pytest.mark.parametrize(("sent", "status", "code"), FORMS.values(), ids=FORMS.keys())
async def test_a_bad_form_is_refused_and_nothing_is_left_of_it(town: Town, sent: Form, status: int, code: str) -> None:
    before, (header, body) = town.files(), sent
    response = await town.raw("POST", "/api/story/users/alice", header, ("orgid", town.org), body=body)
    refused(response, status, code or None)
    await _nothing_left(town, before)


@pytest.mark.attack(37, 38, 39)
@pytest.mark.parametrize(("data", "status", "code"), FILES.values(), ids=FILES.keys())
async def test_the_bytes_of_a_file_decide_and_nothing_is_left_of_a_wrong_one(
    town: Town, data: bytes, status: int, code: str
) -> None:
    before = town.files()
    response = await town.client("alice").post(
        "/api/story/users/alice", files={"media": ("photo.png", data, "image/png")}, data={"type": "image"}
    )
    refused(response, status, code)
    await _nothing_left(town, before)


@pytest.mark.parametrize("name", ["SVG", "HLS", "JPEG, magic only", "PNG of 400 Mpx", "empty"])
async def test_an_upload_of_its_own_is_looked_at_as_well(town: Town, name: str) -> None:
    data, status, code = FILES[name]
    alice = town.client("alice")
    announced = {"size": max(1, len(data)), "mimeType": "image/png"}
    begun = ok(await alice.post("/api/story/users/alice/uploads", json=announced), 201)["data"]
    refused(await alice.put(begun["uploadUrl"], content=data), status, code)
    story = {"type": "image", "mediaFileId": begun["mediaFileId"]}
    refused(await alice.post("/api/story/users/alice", json=story), 400, "invalid_request")
    assert await town.posted() == 0


async def test_an_upload_that_was_announced_too_large_is_refused_at_once(town: Town) -> None:
    for size in (LARGEST + 1, 2**63):
        announced = {"size": size, "mimeType": "image/png"}
        refused(await town.client("alice").post("/api/story/users/alice/uploads", json=announced), 413, "too_large")
    assert await town.rows(uploads) == 0


def _large(size: int) -> tuple[tuple[str, str], Callable[[], Iterator[bytes]], int]:
    """A form with a picture of this size, made as it is read; and how long it is."""
    header, body = form((MEDIA, b"@"))
    before, after = body.split(b"@")
    picture, block = jpeg(), bytes(MIB)

    def read() -> Iterator[bytes]:
        yield before + picture
        left = size - len(picture)
        while left:
            part = block[:left]
            left -= len(part)
            yield part
        yield after

    return header, read, len(before) + size + len(after)


async def _chunked(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield b"%x\r\n%s\r\n" % (len(chunk), chunk)
    yield b"0\r\n\r\n"


async def _plain(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


@pytest.mark.attack(35)
async def test_an_announced_length_that_is_too_large_is_refused_before_the_body_comes(town: Town) -> None:
    before, length, org = town.files(), ("Content-Length", "300000000"), ("orgid", town.org)
    refused(await town.raw("POST", "/api/story/users/alice", GOOD[0], length, org), 413, "too_large")
    await _nothing_left(town, before)
    announced = {"size": 1_000, "mimeType": "image/png"}
    begun = ok(await town.client("alice").post("/api/story/users/alice/uploads", json=announced), 201)["data"]
    path, png = begun["uploadUrl"].removeprefix(town.url), ("Content-Type", "image/png")
    refused(await town.raw("PUT", path, png, length, org), 413, "too_large")


@pytest.mark.says("story:upload max-file-size ", "story:upload max-file-size")
@pytest.mark.attack(35)
@pytest.mark.parametrize("how", ["by length", "chunked"])
async def test_a_file_one_byte_too_large_is_refused_and_nothing_is_left_of_it(town: Town, how: str) -> None:
    before = town.files()
    header, read, length = _large(LARGEST + 1)
    framing = ("Transfer-Encoding", "chunked") if how == "chunked" else ("Content-Length", str(length))
    body = _chunked(read()) if how == "chunked" else _plain(read())
    response = await town.raw("POST", "/api/story/users/alice", header, framing, ("orgid", town.org), body=body)
    refused(response, 413, "too_large")
    await _nothing_left(town, before)


@pytest.mark.says("story:upload max-file-size ", "story:upload max-file-size")
async def test_a_file_of_exactly_100_mb_is_accepted(town: Town) -> None:
    header, read, _ = _large(LARGEST)
    response = await town.raw(
        "POST",
        "/api/story/users/alice",
        *(header, ("Transfer-Encoding", "chunked"), ("orgid", town.org)),
        body=_chunked(read()),
    )
    story_id = ok(response, 201)["data"]["storyId"]
    assert (await town.settled(town.client("alice"), story_id))["status"] in {"Active", "Failed"}
    ok(await town.client("alice").delete(f"/api/story/{story_id}"))
    await town.container.empty_bin()()


async def test_a_client_who_hangs_up_within_the_file_leaves_nothing(town: Town) -> None:
    before = town.files()
    header, body = form((MEDIA, jpeg() + bytes(MIB)))
    length = ("Content-Length", str(len(body)))
    with pytest.raises(TimeoutError):
        await town.raw(
            "POST", "/api/story/users/alice", header, length, ("orgid", town.org), body=body[: MIB // 2], patience=0.5
        )
    await town.eventually(lambda: _nothing_left(town, before))
