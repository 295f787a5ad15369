"""Media that lie elsewhere, and community pages: what may be named, and exactly where that stops."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidError, UrlNotAllowedError
from domain.values import MediaHosts, MediaUrl, page_id

CDN = "https://cdn.example.com"


@pytest.mark.parametrize(
    ("text", "host"),
    [
        (f"{CDN}/story.png", "cdn.example.com"),
        ("https://cdn/.../story.png", "cdn"),
        ("HTTP://CDN.Example.com:8080/a?b=c&d=%20#e", "cdn.example.com"),
        ("https://my_bucket.example.com", "my_bucket.example.com"),
        ("http://192.0.2.7/a.mp4", "192.0.2.7"),
        ("http://[2001:DB8::1]:1/a.mp4", "[2001:db8::1]"),
        (f"{CDN}?a@b", "cdn.example.com"),
        (f"{CDN}/{'a' * (2_048 - len(CDN) - 1)}", "cdn.example.com"),
    ],
)
def test_media_may_be_linked_by_http_from_any_host(text: str, host: str) -> None:
    url = MediaUrl(text)

    assert (url.text, url.host) == (text, host)


@pytest.mark.parametrize(
    "text",
    [
        *[
            "",
            "story.png",
            "//cdn.example.com/a.png",
            "https://",
            "https:///a.png",
            "https:/cdn/a.png",
            "https:cdn/a.png",
        ],
        *["ftp://cdn/a", "javascript:alert(1)", "data:image/png;base64,AA==", "file:///etc/passwd", "httpss://cdn/a"],
        *["https://user@cdn/a", "https://user:secret@cdn/a", "https://@cdn/a", "https://cdn\\@evil/a"],
        *["https://cdn:0/a", "https://cdn:65536/a", "https://cdn:/a", "https://cdn:http/a", "https://cdn:123456/a"],
        *["https://-cdn/a", "https://cdn-/a", "https://cdn..example/a", "https://.cdn/a", "https://cdn./a"],
        *[f"https://{'a' * 64}/a", f"https://{'.'.join(['abcdefgh'] * 29)}/a", "https://caf\u00e9/a"],
        *[
            "https://192.0.2/a",
            "https://192.0.2.256/a",
            "https://1/a",
            "https://[::1/a",
            "https://[::g]/a",
            "https://[1]/a",
        ],
        *[
            " https://cdn/a",
            "https://cdn/a ",
            "https://cdn/a b",
            "https://cdn/a\n",
            "https://cdn/\0",
            "https://cdn/\ud800",
        ],
        *["https://cdn/%", "https://cdn/%2", "https://cdn/%zz", 'https://cdn/"', "https://cdn/<", "https://cdn/\u00e9"],
        f"{CDN}/{'a' * (2_048 - len(CDN))}",
    ],
)
def test_what_is_no_plain_url_of_a_host_is_refused(text: str) -> None:
    with pytest.raises(UrlNotAllowedError) as refused:
        MediaUrl(text)

    assert (refused.value.field, refused.value.code) == ("url", "url_not_allowed")


@pytest.mark.parametrize(
    ("names", "admitted"),
    [
        (set(), True),
        ({"cdn.example.com"}, True),
        ({".example.com"}, True),
        ({".com", "other"}, True),
        ({"example.com"}, False),
        ({".cdn.example.com"}, False),
        ({"evil-cdn.example.com", "cdn.example.co", "n.example.com", ".ample.com"}, False),
    ],
)
def test_hosts_are_admitted_by_name_or_by_what_they_lie_below(names: set[str], *, admitted: bool) -> None:
    hosts, url = MediaHosts(frozenset(names)), MediaUrl("https://CDN.example.com:8443/a.png")

    if admitted:
        assert hosts.require(url) is url
    else:
        with pytest.raises(UrlNotAllowedError):
            hosts.require(url)


def test_an_address_is_admitted_by_itself_alone() -> None:
    url = MediaUrl("http://[2001:db8::1]:80/a")

    assert MediaHosts(frozenset({"[2001:db8::1]"})).require(url) is url


@given(st.text(st.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=128))
def test_a_page_may_be_called_anything_readable(text: str) -> None:
    assert page_id(text) == text


@pytest.mark.parametrize("text", ["", "p" * 129, "a\0", "\x7f", "\ud800"])
def test_a_page_is_not_called_what_cannot_be_read(text: str) -> None:
    with pytest.raises(InvalidError) as refused:
        page_id(text)

    assert refused.value.field == "page"
