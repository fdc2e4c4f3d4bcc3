"""The YAML of scenarios: values mean what they look like, and no file can hurt."""

import os
import threading

import pytest

from linksim.scenario.dialect import parse, read_yaml

BOMB = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
MERGE_BOMB = "a0: &a0 {x: 1}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" for n in range(1, 12)
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4:2:0", "4:2:0"),
        ("no", "no"),
        ("on", "on"),
        ("true", True),
        ("2024-13-45", "2024-13-45"),
        ("1e3", 1000.0),
        ("-1.5E-2", -0.015),
        ("010", 10),
        ("1_000", "1_000"),
        ("1/12", "1/12"),
        ("~", None),
        ("", None),
    ],
)
def test_plain_values_mean_what_they_look_like(text, value):
    assert parse(text) == value
    assert type(parse(text)) is type(value)


def test_anchors_and_merges_can_be_used():
    data = parse("a: &codec {name: bpg}\nb: *codec\nc: {<<: *codec, preset: slow}")
    assert data["b"] == {"name": "bpg"}
    assert data["c"] == {"name": "bpg", "preset": "slow"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: [", "a.yaml: line 2, column"),
        ("a: 1\n  b: 2", "a.yaml: line 2, column 4"),
        ("a:\tb: 1", "a.yaml: line 1"),
        ("'open", "a.yaml: line 1"),
        ("a: *nobody", "a.yaml: line 1, column 4"),
        ("a: 1\nb: 2\na: 3", "a.yaml: line 3, column 1: the key 'a' appears twice"),
        ("x: {a: 1, 'a': 3}", "a.yaml: line 1, column 11: the key 'a' appears twice"),
        ("? [1, 2]\n: 3", "a.yaml: line 1"),
        ("--- 1\n--- 2", "a.yaml: line 2"),
        ("\0", "a.yaml: special characters are not allowed"),
        ("!!python/object/apply:os.system ['true']", "a.yaml: line 1"),
        ("!!int x", "a.yaml: not usable YAML"),
        ("!!timestamp x", "a.yaml: not usable YAML"),
        ("9" * 5000, "a.yaml: not usable YAML"),
        ("[" * 20_000, "a.yaml: nested too deeply"),
        ("- " * 20_000, "a.yaml: nested too deeply"),
        (BOMB, "a.yaml: more than"),
        (MERGE_BOMB, "a.yaml: more than"),
    ],
    ids=lambda text: repr(text)[:30],
)
def test_bad_yaml_is_refused_with_its_place(text, problem, refusal):
    assert refusal(parse, text, file="a.yaml").startswith(problem)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\xff", "not a UTF-8 text file"),
        (b"\xff\xfea\x00", "not a UTF-8 text file"),
        (b"#" * 1_000_001, "too large"),
    ],
)
def test_a_file_that_is_no_text_is_refused(content, problem, tmp_path, refusal):
    path = tmp_path / "a.yaml"
    path.write_bytes(content)
    assert refusal(read_yaml, path).startswith(f"{path}: {problem}")


def test_a_missing_file_and_a_folder_are_refused(tmp_path, refusal):
    missing = tmp_path / "missing.yaml"
    assert refusal(read_yaml, missing).startswith(f"{missing}: cannot be read (No such file")
    assert refusal(read_yaml, tmp_path).startswith(f"{tmp_path}: cannot be read (Is a directory")
    assert "cannot be read" in refusal(read_yaml, "a\0.yaml")


def test_a_device_without_end_is_refused(refusal):
    assert "too large" in refusal(read_yaml, "/dev/zero")


def test_a_pipe_can_be_read(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("name: piped",))
    writer.start()
    assert read_yaml(pipe) == {"name": "piped"}
    writer.join()


def test_a_byte_order_mark_does_no_harm(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_bytes(b"\xef\xbb\xbfname: a\n")
    assert read_yaml(path) == {"name": "a"}
