"""The bytes before an answer's body."""

import email.utils
import time

import pytest

from corral.app.http1.answer_head import answer_head


def test_a_head() -> None:
    before = int(time.time())
    data = answer_head(200, {"content-type": "text/plain", "x-corral-node": "caf\xe9"})
    lines = data.split(b"\r\n")
    assert lines[:3] == [b"HTTP/1.1 200 OK", b"content-type: text/plain", b"x-corral-node: caf\xe9"]
    name, _, date = lines[3].decode().partition(": ")
    assert name == "date"
    assert date.endswith(" GMT")
    assert before <= email.utils.parsedate_to_datetime(date).timestamp() <= time.time()
    assert lines[4:] == [b"", b""]


@pytest.mark.parametrize(
    ("status", "line"), [(429, b"429 Too Many Requests"), (529, b"529 "), (404, b"404 Not Found")]
)
def test_status_lines(status: int, line: bytes) -> None:
    assert answer_head(status, {}).startswith(b"HTTP/1.1 " + line + b"\r\n")


@pytest.mark.parametrize("value", ["a\r\nset-cookie: b", "a\rb", "a\nb", "a\0b"])
@pytest.mark.parametrize("in_name", [True, False])
def test_no_header_ends_its_line(value: str, in_name: bool) -> None:
    with pytest.raises(ValueError, match="line break"):
        answer_head(200, {value: "x"} if in_name else {"x": value})


def test_what_latin_1_does_not_have_is_no_header() -> None:
    with pytest.raises(ValueError, match="latin-1"):
        answer_head(200, {"x": "☃"})
